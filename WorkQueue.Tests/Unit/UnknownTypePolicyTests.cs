using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

public sealed class UnknownTypePolicyTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 0, 0, TimeSpan.Zero);
    private static readonly TimeSpan Grace = TimeSpan.FromMinutes(10);

    [Fact]
    public void The_grace_begins_with_the_first_worker_that_does_not_know_it_however_long_it_waited_before()
    {
        TaskMessage again = Leave(Task() with { EnqueuedAt = Now.AddHours(-1), NotBefore = Now.AddMinutes(-30), Attempt = 2 }, Now)!;
        Assert.Equal((Now, Now.AddSeconds(1), 2, 1), (again.UnknownSince!.Value, again.NotBefore!.Value, again.Attempt, again.Returned));
    }

    [Fact]
    public void It_waits_longer_each_time_and_never_beyond_its_grace()
    {
        List<double> waits = [];
        DateTimeOffset time = Now;
        for (TaskMessage? next = Leave(Task(), time); next is not null; next = Leave(next, time))
        {
            Assert.Equal(Now, next.UnknownSince);
            waits.Add((next.NotBefore!.Value - time).TotalSeconds);
            time = next.NotBefore.Value;
        }

        Assert.Equal(Now + Grace, time);
        Assert.Equal([1, 1, 1, 1.5], waits.Take(4));
        Assert.Equal(10, waits.Max());
        Assert.InRange(waits.Count, 60, 75);
    }

    [Theory]
    [InlineData(0.0, 0.8)]
    [InlineData(1.0, 1.2)]
    public void Many_tasks_do_not_come_back_at_once(double random, double seconds) =>
        Assert.Equal(seconds, UnknownTypePolicy.WaitAfter(TimeSpan.Zero, random).TotalSeconds, precision: 6);

    [Fact]
    public void Without_a_grace_it_is_a_dead_letter_at_once()
    {
        Assert.Null(UnknownTypePolicy.ToLeaveToOthers(Task(), TimeSpan.Zero, 0.5, Now));
        Assert.Equal("no handler for type resize", UnknownTypePolicy.WhyItIsDead(Task(), Now));
    }

    [Fact]
    public void A_time_that_lies_ahead_gives_nobody_more_than_the_grace() =>
        Assert.Equal(Now, Leave(Task() with { UnknownSince = Now.AddYears(50) }, Now)!.UnknownSince);

    [Fact]
    public void A_dead_letter_tells_how_long_it_was_given_and_what_to_do()
    {
        TaskMessage message = Task() with { UnknownSince = Now };
        Assert.Null(Leave(message, Now + Grace));
        Assert.Equal(
            "no handler for type resize in any worker that took it in 00:10:00, since 2026-01-02 03:00:00Z (WorkQueue:Worker:UnknownTypeGrace). Start a worker that has one, then redrive it",
            UnknownTypePolicy.WhyItIsDead(message, Now + Grace));
    }

    private static TaskMessage? Leave(TaskMessage message, DateTimeOffset now) => UnknownTypePolicy.ToLeaveToOthers(message, Grace, 0.5, now);

    private static TaskMessage Task() => new() { Id = "a", Type = "resize", Queue = "default", Body = default };
}
