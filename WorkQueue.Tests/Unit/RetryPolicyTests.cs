using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

public sealed class RetryPolicyTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly TimeSpan[] Delays = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4)];

    [Fact]
    public void A_task_that_succeeded_is_acknowledged() =>
        Assert.IsType<Disposition.Ack>(Decide(TaskOutcome.Completed.Silently, 3));

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 4)]
    public void A_failed_attempt_waits_its_own_delay(int attempt, int seconds) =>
        Assert.Equal(new Disposition.Retry(TimeSpan.FromSeconds(seconds), new AttemptEnd("no", null, null, Now)), Decide(new TaskOutcome.Failed("no"), attempt));

    [Theory]
    [InlineData(3)]
    [InlineData(99)]
    public void N_delays_make_N_plus_1_attempts(int attempt)
    {
        var dead = Assert.IsType<Disposition.DeadLetter>(Decide(new TaskOutcome.Failed("no", new InvalidOperationException("boom")), attempt));
        Assert.Equal($"failed {attempt} of 3 attempts", dead.End.Reason);
        Assert.Equal(("System.InvalidOperationException", "boom", Now), (dead.End.ErrorType, dead.End.Error, dead.End.At));
    }

    [Fact]
    public void Without_delays_the_first_failure_is_the_last() =>
        Assert.IsType<Disposition.DeadLetter>(RetryPolicy.Decide(new TaskOutcome.Failed("no"), 1, [], 0, 0.5, Now));

    [Theory]
    [InlineData(0, 0.8)]
    [InlineData(0.5, 1)]
    [InlineData(1, 1.2)]
    public void Jitter_spreads_a_delay_by_its_share_either_way(double random, double factor)
    {
        var retry = (Disposition.Retry)RetryPolicy.Decide(new TaskOutcome.Failed("no"), 1, Delays, 0.2, random, Now);
        Assert.Equal(factor, retry.Delay.TotalSeconds, precision: 6);
    }

    [Fact]
    public void Jitter_never_makes_a_delay_longer_than_the_ladder()
    {
        var retry = (Disposition.Retry)RetryPolicy.Decide(new TaskOutcome.Failed("no"), 1, [TimeSpan.FromDays(40)], 1, 1, Now);
        Assert.Equal(DelayLadder.Longest, retry.Delay);
    }

    [Theory]
    [InlineData(4, true, true)]
    [InlineData(5, true, false)]
    [InlineData(4, false, false)]
    public void A_call_ends_when_its_next_attempt_would_start_after_its_deadline(int deadlineSeconds, bool isCall, bool ends)
    {
        TaskMessage message = new() { Id = "a", Type = "probe", Queue = "default", Body = default, Deadline = Now.AddSeconds(deadlineSeconds), ReplyTo = isCall ? "replies" : null };
        Disposition retry = new Disposition.Retry(TimeSpan.FromSeconds(4), new AttemptEnd("no", null, "boom", Now));
        Disposition decided = RetryPolicy.WithinCall(retry, message, Now);
        Assert.Equal(ends, decided is Disposition.EndCancelled { End.Error: "boom" });
        Assert.Equal(!ends, decided == retry);
    }

    [Fact]
    public void A_delay_the_handler_chose_is_kept_to_the_letter() =>
        Assert.Equal(
            new Disposition.Retry(TimeSpan.FromSeconds(7), new AttemptEnd("busy", null, null, Now)),
            RetryPolicy.Decide(new TaskOutcome.Failed("busy", null, TimeSpan.FromSeconds(7)), 1, Delays, 0.2, 0, Now));

    [Fact]
    public void A_rejected_task_is_dead_lettered_at_its_first_attempt() =>
        Assert.Equal("never", Assert.IsType<Disposition.DeadLetter>(Decide(new TaskOutcome.Rejected("never"), 1)).End.Reason);

    [Fact]
    public void A_run_cut_short_by_a_stop_goes_back() =>
        Assert.Equal(new Disposition.Requeue(new AttemptEnd("stop", null, null, Now), HasRun: true), Decide(new TaskOutcome.Interrupted("stop"), 99));

    [Fact]
    public void A_delivery_the_broker_took_back_is_left_alone() =>
        Assert.IsType<Disposition.Abandon>(Decide(new TaskOutcome.TakenBack(), 1));

    private static Disposition Decide(TaskOutcome outcome, int attempt) => RetryPolicy.Decide(outcome, attempt, Delays, 0.2, 0.5, Now);
}
