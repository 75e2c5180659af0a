using WorkQueue.Messaging.Control;

namespace WorkQueue.Messaging.Flow;

/// <summary>Until when the permits that this process holds are its own: the leader takes those of a worker to be used after five seconds without a word, and by then this one uses none of them any more.</summary>
internal sealed class RateLease(TimeProvider clock)
{
    private static readonly TimeSpan Length = RateBook.Silence - TimeSpan.FromSeconds(1);

    private DateTimeOffset _untilDate;

    /// <summary>Which it is: permits of another one do not count.</summary>
    public int Number { get; private set; } = 1;

    /// <summary>When it ends, in ticks of the clock that no one sets.</summary>
    public long Until { get; private set; }

    /// <summary>Paused while the leader has not been heard of for long: what slots took before is not to be used.</summary>
    public PauseSwitch Valid { get; } = PauseSwitch.NewPaused();

    /// <summary>Whether it is over; by the date, too, which goes on while a machine sleeps.</summary>
    public bool IsOver(long now) => now >= Until || clock.GetUtcNow() >= _untilDate;

    /// <summary>The leader has answered.</summary>
    /// <param name="asked">When it was asked.</param>
    /// <param name="now">The moment.</param>
    /// <returns>False where the answer comes too late: by now the leader takes this process to be silent.</returns>
    public bool TryRenew(long asked, long now)
    {
        if (now >= asked + Length.Ticks)
        {
            return false;
        }

        Until = asked + Length.Ticks;
        _untilDate = clock.GetUtcNow() + TimeSpan.FromTicks(Until - now);
        return true;
    }

    /// <summary>It is over.</summary>
    /// <returns>False where it was before.</returns>
    public bool End()
    {
        bool wasValid = !Valid.IsPaused;
        Number += wasValid ? 1 : 0;
        Valid.Set(paused: true);
        return wasValid;
    }
}
