using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>How many tasks wait in each of a worker's queues, asked ten times a second for all its slots together; one queue needs no asking.</summary>
internal sealed class QueueLevels(IReadOnlyList<TaskQueue> queues, SupervisedConnection connection, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);

    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile IReadOnlyList<long> _ready = [.. queues.Select(_ => 0L)];

    /// <summary>The queues, the preferred first.</summary>
    public IReadOnlyList<TaskQueue> Queues => queues;

    /// <summary>How many tasks wait in each.</summary>
    public IReadOnlyList<long> Ready => _ready;

    /// <summary>Completes when they have been counted once.</summary>
    public Task Known => _known.Task;

    /// <summary>Counts until the token is cancelled.</summary>
    /// <param name="counted">Told after each count.</param>
    /// <param name="stopping">Ends it.</param>
    public async Task RunAsync(Action counted, CancellationToken stopping)
    {
        if (queues.Count == 1)
        {
            _known.SetResult();
            return;
        }

        while (!stopping.IsCancellationRequested)
        {
            try
            {
                await WatchAsync(counted, stopping);
            }
#pragma warning disable CA1031 // Without counts the slots stay where they are; they report a lost broker themselves.
            catch (Exception failure) when (!stopping.IsCancellationRequested)
#pragma warning restore CA1031
            {
                logger.NoQueueCounts(failure.Message);
                await Task.Delay(10 * Interval, clock, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException)
            {
                return;
            }
        }
    }

    private async Task WatchAsync(Action counted, CancellationToken stopping)
    {
        IChannel channel = await connection.OpenChannelAsync(null, stopping);
        try
        {
            using PeriodicTimer timer = new(Interval, clock);
            do
            {
                List<long> ready = [];
                foreach (TaskQueue queue in queues)
                {
                    ready.Add(await channel.MessageCountAsync(queue.BrokerName, CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping));
                }

                _ready = ready;
                _known.TrySetResult();
                counted();
            }
            while (await timer.WaitForNextTickAsync(stopping));
        }
        finally
        {
            await Limits.DisposeAsync(channel, clock);
        }
    }
}
