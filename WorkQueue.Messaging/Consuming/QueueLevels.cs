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
    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(20);

    private readonly TaskCompletionSource _known = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _lock = new();
    private readonly bool[] _counted = new bool[lanes.Count];
    private readonly int[] _slots = new int[lanes.Count];
    private readonly CountPace _pace = new(lanes.Count, clock);
    private readonly SemaphoreSlim[] _wanted = [.. lanes.Select(_ => new SemaphoreSlim(0))];
    private readonly long[] _ready = new long[lanes.Count];
    private readonly bool[] _isEmpty = new bool[lanes.Count];
    private readonly int[] _reserved = new int[lanes.Count];
    private long _answerTime;
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

    /// <summary>How many tasks wait in each, as far as is known, besides those that slots are about to take.</summary>
    public IReadOnlyList<long> Ready => _ready;

    /// <summary>After how long a slot that gets nothing may be taken to have an empty lane: longer than a task is on its way from the broker.</summary>
    public TimeSpan ShortIdle => Interval / 2 + new TimeSpan(Volatile.Read(ref _answerTime));

    /// <summary>Completes when each has been asked once.</summary>
    public Task Known => _known.Task;

    /// <summary>Completes when one was counted again.</summary>
    public Task Changed => _changed.Task;

    /// <summary>A slot takes from a lane from here on.</summary>
    public void Enter(int index)
    {
        lock (_lock)
        {
            _slots[index]++;
        }

        Reserve(index);
    }

    /// <summary>A slot takes another task of its lane. Until that is counted again there is one less for the others.</summary>
    /// <returns>How many are left.</returns>
    public long Reserve(int index)
    {
        lock (_lock)
        {
            _isEmpty[index] = false;
            _reserved[index]++;
            return _ready[index] = Math.Max(0, _ready[index] - 1);
        }
    }

    /// <summary>Whether it was counted as empty, and no slot is to have got another task since.</summary>
    public bool IsEmpty(int index) => Volatile.Read(ref _isEmpty[index]);

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

    /// <summary>Counts a lane out of turn: with many of them its turn may be seconds away.</summary>
    public void CountNow(int index)
    {
        if (_wanted[index].CurrentCount == 0)
        {
            _wanted[index].Release();
        }
    }

    /// <summary>Counts until the token is cancelled.</summary>
    /// <param name="counted">Told after each count of all, when a lane has got its first task or has lost its last, and after a count out of turn.</param>
    /// <param name="look">Told again and again while tasks wait.</param>
    /// <param name="stopping">Ends it.</param>
    public Task RunAsync(Action counted, Action look, CancellationToken stopping)
    {
        if (lanes.Count == 1)
        {
            _known.SetResult();
            return Task.CompletedTask;
        }

        return Task.WhenAll([Supervision.KeepAsync(token => LookAsync(look, token), NotLooked, new Backoff(clock, LongestPause), stopping), .. Enumerable.Range(0, lanes.Count).Select(index => RunAsync(index, counted, stopping))]);
    }

    private void NotLooked(Exception? failure)
    {
        if (failure is not null)
        {
            logger.NoQueueCounts(failure.Message);
        }
    }

    private async Task LookAsync(Action look, CancellationToken stopping)
    {
        while (!stopping.IsCancellationRequested)
        {
            Task changed = Changed;
            await (_ready.Any(count => count > 0) ? Task.Delay(Interval, clock, stopping) : changed.WaitAsync(stopping)).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            look();
        }
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
            bool isWanted = false;
            while (true)
            {
                int reserved = Volatile.Read(ref _reserved[index]);
                long start = clock.GetTimestamp();
                uint count = await channel.MessageCountAsync(lanes[index].BrokerName, CancellationToken.None).WaitAsync(Patience, clock, stopping);
                Volatile.Write(ref _answerTime, clock.GetElapsedTime(start).Ticks);
                Publish(index, count, counted, isWanted, reserved);
                isWanted = await _wanted[index].WaitAsync(_pace.Interval, stopping);
            }
        }
        finally
        {
            _ = Limits.DisposeAsync(channel, clock);
        }
    }

    // Without a count it is taken to have none, but not to be known to have none.
    private void Publish(int index, long count, Action counted, bool isWanted = false, int? reserved = null)
    {
        bool isNews;
        lock (_lock)
        {
            isNews = _pace.IsDue(_slots.Sum()) || _ready[index] > 0 != count > 0 || isWanted;
            _ready[index] = count;
            _isEmpty[index] = count == 0 && _reserved[index] == reserved;
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
}
