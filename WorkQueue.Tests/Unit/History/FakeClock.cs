namespace WorkQueue.Tests.Unit.History;

/// <summary>A clock that is set by hand; its timers run by the real one.</summary>
internal sealed class FakeClock : TimeProvider
{
    private DateTimeOffset _now = new(2026, 1, 2, 3, 0, 0, TimeSpan.Zero);

    public override DateTimeOffset GetUtcNow() => _now;

    public DateTimeOffset Now => _now;

    public void Advance(TimeSpan time) => _now += time;
}
