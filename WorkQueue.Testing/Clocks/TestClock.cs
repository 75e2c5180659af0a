using Microsoft.Extensions.Time.Testing;

namespace WorkQueue.Testing.Clocks;

/// <summary>A clock that only a test turns, and that knows when its next timer is due and which runs wait for theirs.</summary>
internal sealed class TestClock(CurrentRun current) : FakeTimeProvider(Present())
{
    private readonly Lock _lock = new();
    private readonly HashSet<TestTimer> _armed = [];

    /// <summary>When the next timer is due; null where there is none.</summary>
    public DateTimeOffset? NextDue
    {
        get
        {
            lock (_lock)
            {
                return _armed.Count == 0 ? null : _armed.Min(timer => timer.Due);
            }
        }
    }

    public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
    {
        ArgumentNullException.ThrowIfNull(callback);
        TestTimer timer = new(this, callback, state, current.Value);
        timer.Change(dueTime, period);
        return timer;
    }

    // The time that code under test sees by another clock, too; whole seconds, as a message keeps no more.
    private static DateTimeOffset Present() => DateTimeOffset.FromUnixTimeSeconds(System.GetUtcNow().ToUnixTimeSeconds());

    private ITimer CreateInner(TimerCallback fire) => base.CreateTimer(fire, null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);

    private sealed class TestTimer : ITimer
    {
        private readonly TestClock _clock;
        private readonly TimerCallback _callback;
        private readonly object? _state;
        private readonly RunWatch? _run;
        private readonly bool _isWait;
        private readonly ExecutionContext? _context = ExecutionContext.Capture();
        private readonly ITimer _inner;
        private TimeSpan _period;

        public TestTimer(TestClock clock, TimerCallback callback, object? state, RunWatch? run)
        {
            (_clock, _callback, _state, _run) = (clock, callback, state, run);
            _isWait = ClockWaits.IsWait(state);
            _inner = clock.CreateInner(_ => Fire());
        }

        public DateTimeOffset Due { get; private set; }

        public bool Change(TimeSpan dueTime, TimeSpan period)
        {
            // Before the timer itself, which fires at once where it is due.
            Arm(dueTime < TimeSpan.Zero ? null : _clock.GetUtcNow() + dueTime, period);
            return _inner.Change(dueTime, period);
        }

        public void Dispose()
        {
            Arm(null, Timeout.InfiniteTimeSpan);
            _inner.Dispose();
        }

        public ValueTask DisposeAsync()
        {
            Dispose();
            return ValueTask.CompletedTask;
        }

        private void Fire()
        {
            Arm(_period > TimeSpan.Zero ? Due + _period : null, _period);
            if (_context is null)
            {
                _callback(_state);
                return;
            }

            // As a real timer does; so what it calls is code of its run.
            ExecutionContext.Run(_context, _ => _callback(_state), null);
        }

        private void Arm(DateTimeOffset? due, TimeSpan period)
        {
            bool was;
            lock (_clock._lock)
            {
                was = _clock._armed.Remove(this);
                _period = period;
                if (due is { } moment)
                {
                    Due = moment;
                    _clock._armed.Add(this);
                }
            }

            Tell(was, due is not null);
        }

        private void Tell(bool was, bool isArmed)
        {
            if (_isWait && was != isArmed)
            {
                if (isArmed)
                {
                    _run?.BeginWait();
                }
                else
                {
                    _run?.EndWait();
                }
            }

            _run?.Touch();
        }
    }
}
