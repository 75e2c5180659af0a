using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>
/// The permits of a queue with a rate that this process holds (docs/adr/0022); each is for one task. Slots take, use and return them at any time;
/// <see cref="RateTurns"/> alone gets them from the leader and gives them back.
/// </summary>
internal sealed class RatePool(TaskRate rate, TimeProvider clock) : IDisposable
{
    // The leader takes a worker's permits to be used after five seconds without a word: by then this one uses none of them any more.
    private static readonly TimeSpan Lease = RateBook.Silence - TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly PermitTimes _later = new();
    private readonly PermitTimes _uses = new();
    private ITimer? _timer;
    private long _wakesAt;
    private int _free;
    private int _taken;
    private int _lease = 1;
    private long _until;
    private long _used;
    private long _known;
    private long _returned;
    private int _waiting;
    private int _asked;

    public TaskRate Rate => rate;

    /// <summary>Paused while this process has none that is free.</summary>
    public PauseSwitch Switch { get; } = Paused();

    /// <summary>Paused while the leader has not been heard of for long: what slots took before is not to be used.</summary>
    public PauseSwitch Valid { get; } = Paused();

    /// <summary>How many there are here, used or free, or to be used soon.</summary>
    public int Held
    {
        get
        {
            lock (_lock)
            {
                return _free + _taken + _later.Count;
            }
        }
    }

    /// <summary>Says that a slot which has something else to do meanwhile would take one.</summary>
    public void Ask() => Volatile.Write(ref _asked, 1);

    /// <summary>Waits until there may be one.</summary>
    public async Task WaitAsync(CancellationToken stopping)
    {
        Interlocked.Increment(ref _waiting);
        try
        {
            await Switch.WaitResumedAsync(stopping);
        }
        finally
        {
            Interlocked.Decrement(ref _waiting);
        }
    }

    /// <summary>Takes a permit, if there is one that may be used by now.</summary>
    /// <returns>What it is to be used or returned by; 0 where there is none.</returns>
    public int TryTake()
    {
        lock (_lock)
        {
            Look();
            int by = _free == 0 ? 0 : _lease;
            if (by != 0)
            {
                _free--;
                _taken++;
            }

            Switch.Set(paused: _free == 0);
            return by;
        }
    }

    /// <summary>A task starts by a permit.</summary>
    public void Use(int by)
    {
        lock (_lock)
        {
            _used++;
            _uses.Add(GrainAfter(Now()), 1);
            if (by == _lease)
            {
                _taken--;
            }
            else if (_free > 0)
            {
                // Too late, but the leader may have promised the same one again.
                _free--;
            }
        }
    }

    /// <summary>A slot needs one no more.</summary>
    public void Return(int by)
    {
        lock (_lock)
        {
            if (by == _lease)
            {
                _taken--;
                _free++;
                Switch.Set(paused: false);
            }
        }
    }

    /// <summary>How many slots would take one more.</summary>
    public int TakeWaiting() => Volatile.Read(ref _waiting) + Interlocked.Exchange(ref _asked, 0);

    /// <summary>Gives up what no slot has, but so many, and tells how it stands then.</summary>
    public RateStanding Settle(int keep)
    {
        lock (_lock)
        {
            Look();
            int over = Math.Max(0, _free + _later.Count - keep);
            int free = Math.Min(over, _free);
            _free -= free;
            _later.Take(over - free);
            _returned += over;
            Switch.Set(paused: _free == 0);
            long now = Now();
            long[][] uses = [.. _uses.Since(now).Select(some => (long[])[Math.Max(0, -some[0]), some[1]])];
            return new RateStanding(now, _used, uses, _returned, [[0, _free + _taken], .. _later.Since(now)], _taken, _free + _later.Count);
        }
    }

    /// <summary>The leader has said what this process holds.</summary>
    /// <param name="held">In how long they may be used, and how many.</param>
    /// <param name="asked">How it stood when the leader was asked.</param>
    public void Hear(long[][] held, RateStanding asked)
    {
        lock (_lock)
        {
            long now = Now();
            _until = asked.At + Lease.Ticks;
            _uses.Take((int)(asked.Used - _known));
            _known = asked.Used;
            _free = 0;
            _later.Clear();
            foreach (long[] some in held)
            {
                _later.Add(now + Math.Max(0, some[0]), (int)some[1]);
            }

            _later.Take((int)(_used - asked.Used) + _taken);
            Valid.Set(paused: now >= _until);
            Look();
            Switch.Set(paused: _free == 0);
        }
    }

    public void Dispose() => _timer?.Dispose();

    private long Now() => clock.GetElapsedTime(0).Ticks;

    private long GrainAfter(long moment)
    {
        long grain = Math.Max(TimeSpan.TicksPerMillisecond, rate.Window.Ticks / 256);
        return (moment + grain - 1) / grain * grain;
    }

    // What has become free, or invalid, since the last time.
    private void Look()
    {
        long now = Now();
        if (now >= _until && !Valid.IsPaused)
        {
            (_free, _taken, _lease) = (0, 0, _lease + 1);
            _later.Clear();
            Valid.Set(paused: true);
            Switch.Set(paused: true);
        }

        _free += _later.Take(_later.Count, now).Sum(some => some.Count);
        long wakesAt = Math.Min(_later.First ?? long.MaxValue, now < _until ? _until : long.MaxValue);
        if (wakesAt != _wakesAt && wakesAt != long.MaxValue)
        {
            _wakesAt = wakesAt;
            _timer ??= clock.CreateTimer(_ => Wake(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
            _timer.Change(TimeSpan.FromMilliseconds(Math.Ceiling(TimeSpan.FromTicks(wakesAt - now).TotalMilliseconds)), Timeout.InfiniteTimeSpan);
        }
    }

    private void Wake()
    {
        lock (_lock)
        {
            _wakesAt = 0;
            Look();
            Switch.Set(paused: _free == 0);
        }
    }

    private static PauseSwitch Paused()
    {
        PauseSwitch none = new();
        none.Set(paused: true);
        return none;
    }
}

/// <summary>How a pool stands at a moment.</summary>
/// <param name="At">The moment.</param>
/// <param name="Used">How many permits have been used.</param>
/// <param name="Uses">How long ago, and how many, for those of which the leader may not know.</param>
/// <param name="Returned">How many have been given back.</param>
/// <param name="Held">In how long they may be used, and how many.</param>
/// <param name="Taken">How many of them slots have.</param>
/// <param name="Free">How many they have not.</param>
internal sealed record RateStanding(long At, long Used, long[][] Uses, long Returned, long[][] Held, int Taken, int Free)
{
    public static readonly RateStanding None = new(0, 0, [], 0, [], 0, 0);
}
