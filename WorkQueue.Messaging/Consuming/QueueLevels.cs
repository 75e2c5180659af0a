using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// How many tasks wait in each of a worker's queues, asked ten times a second for all its slots together; one queue needs no asking. Each is
/// asked on a channel of its own: one that does not answer counts as empty and holds up none of the others.
/// </summary>
internal sealed class QueueLevels(IReadOnlyList<TaskQueue> queues, SupervisedConnection connection, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private readonly bool[] _counted = new bool[queues.Count];
    private volatile IReadOnlyList<long> _ready = [.. queues.Select(_ => 0L)];

    /// <summary>The queues, the preferred first.</summary>
    public IReadOnlyList<TaskQueue> Queues => queues;

    /// <summary>How many tasks wait in each.</summary>
    public IReadOnlyList<long> Ready => _ready;

    /// <summary>Completes when each has been asked once.</summary>
    public Task Known => _known.Task;

    /// <summary>Counts until the token is cancelled.</summary>
    /// <param name="counted">Told after each count.</param>
    /// <param name="stopping">Ends it.</param>
    public Task RunAsync(Action counted, CancellationToken stopping)
    {
        if (queues.Count == 1)
        {
            _known.SetResult();
            return Task.CompletedTask;
        }

        return Task.WhenAll(Enumerable.Range(0, queues.Count).Select(index => RunAsync(index, counted, stopping)));
    }

    // Of a queue that cannot be counted nothing is known; the slots report a lost broker themselves.
    private Task RunAsync(int index, Action counted, CancellationToken stopping) => Supervision.KeepAsync(
        async token =>
        {
            try
            {
                await WatchAsync(index, counted, token);
            }
            catch (OperationInterruptedException missing) when (missing.ShutdownReason?.ReplyCode == Constants.NotFound)
            {
                Publish(index, 0, counted);
                await connection.TryRepairAsync(token);
                throw;
            }
        },
        failure =>
        {
            Publish(index, 0, counted);
            logger.NoQueueCounts(failure?.Message ?? "the channel was closed");
        },
        new Backoff(clock, LongestPause),
        stopping);

    private async Task WatchAsync(int index, Action counted, CancellationToken stopping)
    {
        IChannel channel = await connection.OpenChannelAsync(null, stopping);
        try
        {
            using PeriodicTimer timer = new(Interval, clock);
            do
            {
                Publish(index, await channel.MessageCountAsync(queues[index].BrokerName, CancellationToken.None).WaitAsync(Patience, clock, stopping), counted);
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        finally
        {
            _ = Limits.DisposeAsync(channel, clock);
        }
    }

    private void Publish(int index, long count, Action counted)
    {
        lock (_lock)
        {
            long[] ready = [.. _ready];
            ready[index] = count;
            _ready = ready;
            _counted[index] = true;
            if (_counted.All(known => known))
            {
                _known.TrySetResult();
            }
        }

        counted();
    }
}
