using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Leading;

/// <summary>Declares the leader's queue and its log, by those alone that have something to lead: others need neither.</summary>
internal sealed class LeaderQueues(TaskTopology topology, TimeProvider clock)
{
    private readonly TaskCompletionSource _declared = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when there is a queue to ask the leader by.</summary>
    public Task Declared => _declared.Task;

    public async Task DeclareAsync(SupervisedConnection connection, CancellationToken stopping)
    {
        foreach (bool onlyFinds in (bool[])[false, true])
        {
            IChannel channel = await connection.OpenChannelAsync(null, stopping);
            try
            {
                Declaration declare = new(channel, onlyFinds, stopping);
                await declare.QueueAsync(topology.Leader.Queue, topology.Leader.QueueArguments);
                await declare.QueueAsync(topology.Leader.Log, topology.Leader.LogArguments);
                _declared.TrySetResult();
                return;
            }
            catch (OperationInterruptedException refused) when (!onlyFinds && refused.ShutdownReason?.ReplyCode == Constants.AccessRefused)
            {
                // Its user need not be one that may configure, where somebody else has.
            }
            finally
            {
                await Limits.DisposeAsync(channel, clock);
            }
        }
    }
}
