namespace WorkQueue.Messaging.Leading;

/// <summary>There to say that a program takes part in leading, though it has nothing of its own to lead.</summary>
internal sealed class LeaderIntake;

/// <summary>The token that a leader keeps unacknowledged, so that the next one is given something when this one is gone.</summary>
internal sealed class LeaderToken(LeaderSession session, TimeSpan renew, TimeSpan limit, TimeProvider clock)
{
    private LeaderDelivery? _held;
    private long _at = clock.GetTimestamp();
    private bool _isAwaited;

    /// <summary>When it is to be looked after next.</summary>
    public TimeSpan Wait => _isAwaited ? limit : renew;

    /// <summary>The newest is kept: of what is held for too long the broker closes the channel.</summary>
    public async Task ReceivedAsync(LeaderDelivery token)
    {
        await (_held is null ? Task.CompletedTask : session.AckAsync(_held));
        (_held, _at, _isAwaited) = (token, clock.GetTimestamp(), false);
    }

    /// <summary>Has the broker give it another one in time.</summary>
    /// <exception cref="IOException">It has not come back: it was given to another.</exception>
    public async Task RenewAsync()
    {
        TimeSpan age = clock.GetElapsedTime(_at);
        if (_isAwaited && age > limit)
        {
            throw new IOException("the token has not come back: another program leads");
        }

        if (!_isAwaited && age > renew)
        {
            (_at, _isAwaited) = (clock.GetTimestamp(), true);
            await session.SendTokenAsync();
        }
    }
}
