namespace WorkQueue.Messaging.Publishing;

/// <summary>One timer for all publishes of a channel, at the moment when the first of them is late: one for each would cost more than the rest of its waiting.</summary>
internal sealed class ConfirmTimer : IDisposable
{
    private readonly UnansweredPublishes _unanswered;
    private readonly TimeProvider _clock;
    private readonly Action<PendingPublish> _late;
    private readonly Lock _lock = new();
    private readonly ITimer _timer;
    private long _ringsAt = long.MaxValue;

    /// <summary>Makes one that is not set.</summary>
    /// <param name="unanswered">What is watched.</param>
    /// <param name="clock">The time.</param>
    /// <param name="late">Told of each one whose caller need not wait any more.</param>
    public ConfirmTimer(UnansweredPublishes unanswered, TimeProvider clock, Action<PendingPublish> late)
    {
        (_unanswered, _clock, _late) = (unanswered, clock, late);
        _timer = clock.CreateTimer(_ => Ring(), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Watches over one that is among the unanswered already: a timer that is ringing finds it there.</summary>
    public void Watch(PendingPublish publish)
    {
        long lateAt = publish.LateAt;
        if (lateAt >= Volatile.Read(ref _ringsAt))
        {
            return;
        }

        lock (_lock)
        {
            if (lateAt < _ringsAt)
            {
                _ringsAt = lateAt;
                TimeSpan left = _clock.GetElapsedTime(_clock.GetTimestamp(), lateAt);
                _timer.Change(TimeSpan.FromMilliseconds(Math.Max(0, Math.Ceiling(left.TotalMilliseconds))), Timeout.InfiniteTimeSpan);
            }
        }
    }

    public void Dispose() => _timer.Dispose();

    private void Ring()
    {
        lock (_lock)
        {
            _ringsAt = long.MaxValue;
        }

        long now = _clock.GetTimestamp();
        foreach (PendingPublish publish in _unanswered.Awaited())
        {
            if (publish.LateAt <= now)
            {
                _late(publish);
            }
            else
            {
                Watch(publish);
            }
        }
    }
}
