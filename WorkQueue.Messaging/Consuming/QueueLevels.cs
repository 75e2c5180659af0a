using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// How many tasks wait in each lane of a worker's queues, asked for all its slots together, as often as <see cref="CountPace"/> says; one needs no asking.
/// Each is asked on a channel of its own: one that does not answer counts as empty and holds up none of the others.
/// </summary>
internal sealed class QueueLevels(IReadOnlyList<TaskLane> lanes, SupervisedConnection connection, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private readonly bool[] _counted = new bool[lanes.Count];
    private readonly int[] _slots = new int[lanes.Count];
    private readonly CountPace _pace = new(lanes.Count, clock);
    private volatile long[] _ready = [.. lanes.Select(_ => 0L)];
    private volatile TaskCompletionSource _changed = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>The lanes, those of the preferred queue first.</summary>
    public IReadOnlyList<TaskLane> Lanes => lanes;

    /// <summary>The first lane of the same queue.</summary>
    public int FirstOf(int index)
    {
        while (index > 0 && lanes[index - 1].Queue == lanes[index].Queue)
        {
            index--;
        }

        return index;
    }

    /// <summary>How many slots take from each.</summary>
    public IReadOnlyList<int> Slots => _slots;

    /// <summary>How many tasks wait in each.</summary>
    public IReadOnlyList<long> Ready => _ready;

    /// <summary>Completes when each has been asked once.</summary>
    public Task Known => _known.Task;

    /// <summary>Completes when one was counted again.</summary>
    public Task Changed => _changed.Task;

    /// <summary>A slot takes from a lane from here on. Until that is counted again there is one task less for the others.</summary>
    public void Enter(int index)
    {
        lock (_lock)
        {
            _slots[index]++;
            if (_ready[index] > 0)
            {
                Set(index, _ready[index] - 1);
            }
        }
    }

    /// <summary>It takes no more from it.</summary>
    public void Leave(int index)
    {
        lock (_lock)
        {
            _slots[index]--;
        }
    }

    /// <summary>A slot has taken a task.</summary>
    public void Taken() => _pace.Taken();

    /// <summary>Counts until the token is cancelled.</summary>
    /// <param name="counted">Told after each count of all, and when a lane has got its first task or has lost its last.</param>
    /// <param name="stopping">Ends it.</param>
    public Task RunAsync(Action counted, CancellationToken stopping)
    {
        if (lanes.Count == 1)
        {
            _known.SetResult();
            return Task.CompletedTask;
        }

        return Task.WhenAll(Enumerable.Range(0, lanes.Count).Select(index => RunAsync(index, counted, stopping)));
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
            while (true)
            {
                Publish(index, await channel.MessageCountAsync(lanes[index].BrokerName, CancellationToken.None).WaitAsync(Patience, clock, stopping), counted);
                await Task.Delay(_pace.Interval, clock, stopping);
            }
        }
        finally
        {
            _ = Limits.DisposeAsync(channel, clock);
        }
    }

    private void Publish(int index, long count, Action counted)
    {
        bool isNews;
        lock (_lock)
        {
            isNews = _pace.IsDue(_slots.Sum()) || _ready[index] > 0 != count > 0;
            Set(index, count);
            _counted[index] = true;
            if (!_known.Task.IsCompleted && _counted.All(known => known))
            {
                isNews = _known.TrySetResult();
            }
        }

        if (!isNews)
        {
            return;
        }

        Interlocked.Exchange(ref _changed, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously)).TrySetResult();
        counted();
    }

    private void Set(int index, long count)
    {
        long[] ready = [.. _ready];
        ready[index] = count;
        _ready = ready;
    }
}
