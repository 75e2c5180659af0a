using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>The permits of one rate that this process holds (docs/adr/0022); each is for one task. Slots take, use and return them at any time; <see cref="RateTurns"/> alone gets them from the leader and gives them back.</summary>
internal sealed class RatePool(TaskRate rate, TimeProvider clock) : IDisposable
{
    // A slot needs so long to enter its queue and to be given a task: it may begin with that before the permit may be used.
    private static readonly TimeSpan MostEarly = TimeSpan.FromMilliseconds(25);

    private readonly long _early = Math.Min(MostEarly.Ticks, rate.Window.Ticks / 40);
    private readonly Lock _lock = new();
    private readonly RateLease _lease = new(clock);
    private readonly PermitTimes _later = new();
    private readonly RateUses _uses = new(rate);
    private RateAlarm? _alarm;
    private int _free;
    private long _freeFrom;
    private int _taken;
    private long _returned;
    private long _next;

    public TaskRate Rate => rate;

    /// <inheritdoc cref="PermitWaiters.Switch"/>
    public PauseSwitch Switch => Waiters.Switch;

    /// <inheritdoc cref="RateLease.Valid"/>
    public PauseSwitch Valid => _lease.Valid;

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

    /// <summary>The moment.</summary>
    public long Now() => clock.GetElapsedTime(0).Ticks;

    /// <summary>The date: it goes on while a machine sleeps.</summary>
    public DateTimeOffset Date() => clock.GetUtcNow();

    /// <summary>The slots that wait.</summary>
    public PermitWaiters Waiters { get; } = new();

    /// <summary>Takes a permit, if there is one that may be used by now, or in a moment.</summary>
    public RatePermit? TryTake()
    {
        lock (_lock)
        {
            Look();
            RatePermit? permit = _free == 0 || Valid.IsPaused ? null : new RatePermit(_lease.Number, _freeFrom);
            if (permit is not null)
            {
                _free--;
                _taken++;
            }

            Switch.Set(paused: _free == 0);
            return permit;
        }
    }

    /// <summary>Whether there may be one within a time, by what the leader has said last.</summary>
    public bool MayHaveWithin(TimeSpan time) => Volatile.Read(ref _next) <= Now() + time.Ticks;

    /// <summary>In how long a permit may be used; not more than zero where it may be by now.</summary>
    public TimeSpan Until(RatePermit permit) => TimeSpan.FromTicks(permit.From - Now());

    /// <summary>Whether a permit may still be used.</summary>
    public bool IsValid(RatePermit permit)
    {
        lock (_lock)
        {
            Look();
            return permit.Lease == _lease.Number;
        }
    }

    /// <summary>A task starts by a permit.</summary>
    public void Use(RatePermit by)
    {
        lock (_lock)
        {
            _uses.Add(Now());
            if (by.Lease == _lease.Number)
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
    public void Return(RatePermit by)
    {
        lock (_lock)
        {
            if (by.Lease == _lease.Number)
            {
                _taken--;
                _free++;
                Switch.Set(paused: false);
            }
        }
    }

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
            return new RateStanding(now, _uses.Count, _uses.Ago(now), _returned, [[Math.Max(0, _freeFrom - now), _free + _taken], .. _later.Since(now)], _taken, _free + _later.Count);
        }
    }

    /// <summary>The leader has said what this process holds.</summary>
    /// <param name="held">In how long they may be used, and how many.</param>
    /// <param name="since">From when on that is counted.</param>
    /// <param name="next">From when on there may be another; null where nobody knows.</param>
    /// <param name="asked">How it stood when the leader was asked.</param>
    public void Hear(long[][] held, long since, long? next, RateStanding asked)
    {
        lock (_lock)
        {
            Look();
            _uses.Know(asked.Used);
            if (!_lease.TryRenew(asked.At, Now()))
            {
                return;
            }

            _free = 0;
            _later.Clear();
            foreach (long[] some in held)
            {
                _later.Add(since + Math.Max(0, some[0]), (int)some[1]);
            }

            _later.Take((int)(_uses.Count - asked.Used) + _taken);
            _next = Math.Min(_later.First ?? long.MaxValue, next ?? 0);
            Valid.Set(paused: false);
            Look();
        }
    }

    public void Dispose() => _alarm?.Dispose();

    // What has become free, or invalid, since the last time.
    private void Look()
    {
        long now = Now();
        if (_lease.IsOver(now))
        {
            _free = 0;
            _later.Clear();
            _taken = _lease.End() ? 0 : _taken;
        }

        foreach ((long at, int count) in _later.Take(_later.Count, now + _early))
        {
            _free += count;
            _freeFrom = Math.Max(_freeFrom, at);
        }

        Switch.Set(paused: _free == 0);
        (_alarm ??= new RateAlarm(Wake, clock)).Set(Math.Min(_later.First - _early ?? long.MaxValue, now < _lease.Until ? _lease.Until : long.MaxValue), now);
    }

    private void Wake()
    {
        lock (_lock)
        {
            _alarm?.Heard();
            Look();
        }
    }
}
