using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

public sealed class EarlyDeliveryTests
{
    private static readonly DateTimeOffset Sent = new(2026, 1, 2, 3, 0, 0, TimeSpan.Zero);

    [Fact]
    public void A_task_that_comes_before_its_time_waits_for_the_rest_as_the_same_attempt()
    {
        TaskMessage? again = EarlyDelivery.ToWaitAgain(Task(due: 60), Sent.AddSeconds(20));
        Assert.Equal((Sent.AddSeconds(60), 2, 1), (again!.NotBefore!.Value, again.Attempt, again.Returned));
    }

    [Theory]
    [InlineData(60.0, 60.01)]
    [InlineData(60.0, 59.5)]
    [InlineData(0.0, 0.1)]
    [InlineData(-5.0, 0.0)]
    public void A_task_whose_time_has_come_runs(double due, double now) => Assert.Null(EarlyDelivery.ToWaitAgain(Task(due), Sent.AddSeconds(now)));

    [Fact]
    public void A_worker_whose_clock_is_behind_has_a_task_wait_once_more_and_for_no_longer_than_its_sender_meant()
    {
        DateTimeOffset behind = Sent.AddHours(-1);
        TaskMessage again = EarlyDelivery.ToWaitAgain(Task(due: 4), behind.AddSeconds(4))!;
        Assert.Equal(behind.AddSeconds(8), again.NotBefore);
        // As this worker has sent it, and gets it back.
        Assert.Null(EarlyDelivery.ToWaitAgain(again with { SentAt = behind.AddSeconds(4) }, behind.AddSeconds(8.02)));
        // And so does a worker whose clock is right.
        Assert.Null(EarlyDelivery.ToWaitAgain(again with { SentAt = behind.AddSeconds(4) }, Sent.AddSeconds(8.02)));
    }

    [Fact]
    public void What_is_due_later_than_the_ladder_reaches_waits_on_it_for_as_long_as_it_can()
    {
        TaskMessage plain = Task(due: 86_400 * 100) with { SentAt = null };
        Assert.Equal(plain.NotBefore, EarlyDelivery.ToWaitAgain(plain, Sent)!.NotBefore);
        Assert.Equal(DelayLadder.Longest, EarlyDelivery.OnLadder(plain.NotBefore!.Value, Sent));
    }

    private static TaskMessage Task(double due) => new()
    {
        Id = "a",
        Type = "probe",
        Queue = "default",
        Body = default,
        Attempt = 2,
        SentAt = Sent,
        NotBefore = Sent.AddSeconds(due),
    };
}
