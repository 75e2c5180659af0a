using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

public sealed class TaskStoryTests
{
    private readonly Records _records = new(new FakeClock());

    [Fact]
    public void Attempts_are_told_with_their_ends()
    {
        Assert.Equal(
            [(1, 0, "retrying", "boom"), (2, 0, "deadLettered", "bang"), (1, 1, "interrupted", "the worker stops"), (1, 1, "succeeded", null)],
            Of(
                _records.Queued("a"),
                _records.Running("a"),
                _records.Retrying("a", next: 2, TimeSpan.Zero),
                _records.Running("a", attempt: 2),
                _records.Dead("a", "bang", attempt: 2),
                _records.Queued("a", redriven: 1),
                _records.Running("a", redriven: 1, worker: "worker-2"),
                _records.Queued("a", redriven: 1, returned: 1) with { Worker = "worker-2", Reason = "the worker stops" },
                _records.Running("a", redriven: 1, returned: 1, worker: "worker-3"),
                _records.Succeeded("a", redriven: 1, worker: "worker-3")));
    }

    [Fact]
    public void A_run_that_another_worker_took_over_was_interrupted() => Assert.Equal(
        [(1, 0, "interrupted", "its worker died or lost the broker"), (1, 0, null, null)], Of(_records.Running("a"), _records.Running("a", worker: "worker-2")));

    [Fact]
    public void An_end_whose_start_is_not_known_is_an_attempt_and_one_that_never_ran_is_none()
    {
        Assert.Equal([(3, 0, "succeeded", null)], Of(_records.Succeeded("a", attempt: 3)));
        Assert.Empty(Of(_records.Queued("a"), _records.Cancelled("a"), _records.Dropped("a")));
        Assert.Empty(Of(_records.Dead("a") with { Worker = null, StartedAt = null }));
    }

    [Fact]
    public void The_timeline_says_why() => Assert.Equal(
        ["failed: boom; due 2026-01-02 03:00:00 UTC", "no attempt left: bang"],
        TaskStory.StepsOf([_records.Retrying("a", next: 2, TimeSpan.Zero), _records.Dead("a", "bang")]).Select(step => step.Note!));

    private static IEnumerable<(int, int, string?, string?)> Of(params HistoryRecord[] records) =>
        TaskStory.AttemptsOf(records).Select(attempt => (attempt.Attempt, attempt.Redriven, attempt.Outcome, attempt.Error));
}
