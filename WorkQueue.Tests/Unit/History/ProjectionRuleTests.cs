using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

public sealed class ProjectionRuleTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeClock _clock = new();
    private readonly Records _records;
    private readonly TaskProjection _projection;

    public ProjectionRuleTests() => (_records, _projection) = (new Records(_clock), Records.NewProjection(_clock));

    [Fact]
    public void A_task_whose_redrive_no_queue_took_is_dead_as_before_and_can_be_redriven_and_discarded()
    {
        HistoryRecord refused = _records.Cancelled("a", attempt: 5, redriven: 1) with { Reason = IDeadLetters.NotRedriven };
        Apply(_records.Dead("a", attempt: 5), _records.Queued("a", redriven: 1), refused);
        TaskView task = _projection.Find("a")!;
        Assert.Equal((TaskState.DeadLettered, 5, 0, 1), (task.State, task.Attempt, task.Redriven, _projection.Counts()[TaskState.DeadLettered]));
        Apply(_records.Queued("a", redriven: 1));
        Assert.Equal(TaskState.Queued, _projection.Find("a")!.State);
        Apply(refused with { Offset = 900 }, _records.Cancelled("a", attempt: 5) with { Offset = 901, Reason = IDeadLetters.Discarded });
        Assert.Equal((TaskState.Cancelled, false), (_projection.Find("a")!.State, _projection.Find("a")!.OnBroker));
    }

    [Fact]
    public void A_history_made_anew_is_awaited_anew()
    {
        TaskProjection projection = Records.NewProjection(new FakeClock());
        projection.EndReplay();
        Assert.True(projection.Replayed.IsCompleted);
        projection.Clear();
        Task again = projection.Replayed;
        Assert.False(again.IsCompleted);
        projection.EndReplay();
        Assert.True(again.IsCompleted);
    }

    [Fact]
    public void A_run_recorded_before_its_enqueue_makes_the_task_run()
    {
        HistoryRecord queued = _records.Queued("a");
        Apply(_records.Running("a"), queued);
        Assert.Equal((TaskState.Running, "worker-1"), (Task().State, Task().Worker));
    }

    [Fact]
    public void A_failed_attempt_waits_for_the_next_with_its_error_and_is_queued_when_its_time_comes()
    {
        Apply(_records.Queued("a"), _records.Running("a"), _records.Retrying("a", next: 2, Second));
        Assert.Equal((TaskState.Retrying, 2, "boom", _clock.Now + Second), (Task().State, Task().Attempt, Task().Error, Task().DueAt));
        Assert.Null(Task().Worker);
        _clock.Advance(Second);
        Assert.Equal((TaskState.Queued, _clock.Now), (Task().State, Task().ChangedAt));
        Assert.Equal((0, 1, 1), (_projection.Counts()[TaskState.Retrying], _projection.Counts()[TaskState.Queued], _projection.Counts().Confirmed));
    }

    [Fact]
    public void A_scheduled_task_is_queued_when_its_time_comes_and_not_before()
    {
        Apply(_records.Scheduled("a", Second * 2), _records.Scheduled("b", Second * 4));
        _clock.Advance(Second * 3);
        Assert.Equal((TaskState.Queued, TaskState.Scheduled), (Task().State, _projection.Find("b")!.State));
        Assert.Equal(["a"], _projection.List(new TaskQuery { States = new HashSet<TaskState> { TaskState.Queued } }).Items.Select(task => task.Id));
    }

    [Fact]
    public void A_task_that_died_before_it_was_cancelled_as_waiting_is_dead_and_a_discarded_letter_is_cancelled()
    {
        HistoryRecord dead = _records.Dead("a");
        _clock.Advance(Second);
        Apply(_records.Queued("a"), dead, _records.Cancelled("a") with { Reason = ITaskControl.CancelledBeforeItRan });
        Assert.Equal(TaskState.DeadLettered, Task().State);
        Apply(_records.Cancelled("a") with { Reason = "dead letter discarded" });
        Assert.Equal(TaskState.Cancelled, Task().State);
    }

    [Fact]
    public void A_task_no_queue_took_is_cancelled_until_it_is_enqueued_again_and_runs()
    {
        HistoryRecord refused = _records.Cancelled("a") with { Reason = ITaskHistory.NotEnqueued };
        Apply(refused with { Offset = 50 });
        Assert.Equal((TaskState.Cancelled, false), (Task().State, Task().OnBroker));
        _clock.Advance(Second);
        Apply(_records.Queued("a"));
        Assert.Equal(TaskState.Queued, Task().State);
        Apply(_records.Running("a"));
        Assert.Equal(TaskState.Running, Task().State);
    }

    [Fact]
    public void A_cancelled_task_that_is_enqueued_anew_runs_whatever_becomes_of_the_first()
    {
        Apply(_records.Queued("a"), _records.Cancelled("a"), _records.Queued("a", redriven: 1), _records.Dropped("a"));
        Assert.Equal((TaskState.Queued, 1), (Task().State, Task().Redriven));
        Apply(_records.Running("a", redriven: 1));
        Assert.Equal(TaskState.Running, Task().State);
    }

    [Fact]
    public void The_first_success_is_final_and_later_ones_are_duplicates()
    {
        Apply(_records.Succeeded("a"), _records.Cancelled("a"), _records.Dead("a", attempt: 3), _records.Queued("a", redriven: 1), _records.Running("a", redriven: 1));
        Assert.Equal((TaskState.Succeeded, 1, 0), (Task().State, Task().Attempt, Task().Duplicates));
        HistoryRecord second = _records.Succeeded("a", redriven: 1, worker: "worker-2");
        Apply(second, second, second with { Offset = second.Offset + 1 });
        Assert.Equal((TaskState.Succeeded, "worker-1", 1), (Task().State, Task().Worker, Task().Duplicates));
        Assert.Equal((1, 1), (_projection.Counts().Duplicates, _projection.Counts()[TaskState.Succeeded]));
    }

    [Fact]
    public void A_redriven_dead_letter_is_queued_again_and_an_old_record_does_not_take_it_back()
    {
        HistoryRecord old = _records.Running("a", attempt: 5);
        Apply(_records.Dead("a", attempt: 5), _records.Queued("a", redriven: 1), old);
        Assert.Equal((TaskState.Queued, 1, 1), (Task().State, Task().Attempt, Task().Redriven));
        Assert.Null(Task().Error);
        Assert.Empty(_projection.DeadGroups(null, 10));
    }

    [Fact]
    public void A_run_handed_to_another_worker_is_the_other_ones()
    {
        HistoryRecord first = _records.Running("a");
        _clock.Advance(Second);
        Apply(_records.Running("a", worker: "worker-2"), first);
        Assert.Equal("worker-2", Task().Worker);
    }

    [Fact]
    public void A_task_a_stopping_worker_gave_back_is_queued_and_runs_again()
    {
        Apply(_records.Running("a"), _records.Queued("a", returned: 1));
        Assert.Equal(TaskState.Queued, Task().State);
        Apply(_records.Running("a", returned: 1, worker: "worker-2"));
        Assert.Equal((TaskState.Running, "worker-2", 1), (Task().State, Task().Worker, Task().Attempt));
    }

    [Fact]
    public void A_task_cancelled_while_it_waited_is_on_the_broker_until_a_worker_drops_it()
    {
        // Given back by a worker before: a cancellation does not know of that, and counts all the same.
        Apply(_records.Queued("a"), _records.Queued("a", returned: 2), _records.Cancelled("a"));
        Assert.Equal((TaskState.Cancelled, true, 1), (Task().State, Task().OnBroker, _projection.Counts().CancelledOnBroker));
        Apply(_records.Dropped("a"));
        Assert.Equal((TaskState.Cancelled, false, 0), (Task().State, Task().OnBroker, _projection.Counts().CancelledOnBroker));
    }

    [Fact]
    public void A_task_cancelled_by_its_worker_or_discarded_as_a_dead_letter_is_off_the_broker()
    {
        Apply(_records.Running("a"), _records.Cancelled("a", worker: "worker-1"));
        Assert.False(Task().OnBroker);
        Apply(_records.Dead("b", attempt: 5));
        _clock.Advance(Second);
        Apply(_records.Cancelled("b", attempt: 5));
        Assert.Equal((TaskState.Cancelled, false), (_projection.Find("b")!.State, _projection.Find("b")!.OnBroker));
        Assert.Equal(0, _projection.Counts().CancelledOnBroker);
    }

    [Fact]
    public void Progress_only_goes_on_and_ends_with_the_run()
    {
        HistoryRecord running = _records.Running("a");
        HistoryRecord early = _records.Progress("a", 10);
        Apply(_records.Progress("a", 50), early, running);
        Assert.Equal((TaskState.Running, 50, "50 of 100"), (Task().State, Task().Percent, Task().Progress));
        Apply(_records.Retrying("a", next: 2, Second));
        Assert.Null(Task().Percent);
    }

    [Fact]
    public void Dead_letters_are_grouped_by_what_their_errors_have_in_common()
    {
        Apply(_records.Dead("a", "timed out after 12.5 s for 'x.pdf'"), _records.Dead("b", "timed out after 7 s for 'y.pdf'"), _records.Dead("c", "no such host"));
        IReadOnlyList<DeadGroup> groups = _projection.DeadGroups("default", 10);
        Assert.Equal([("timed out after … s for …", 2L), ("no such host", 1L)], groups.Select(group => (group.Error, group.Count)));
        Assert.Equal("timed out after 12.5 s for 'x.pdf'", groups[0].Example);
        Assert.Empty(_projection.DeadGroups("other", 10));
    }

    [Fact]
    public void A_task_is_enqueued_when_the_earliest_record_says_and_its_offsets_are_each_kept_once()
    {
        HistoryRecord queued = _records.Queued("a");
        _clock.Advance(Second);
        HistoryRecord running = _records.Running("a") with { EnqueuedAt = null };
        Apply(running, queued, running, _records.Progress("a", 1));
        Assert.Equal(queued.At, Task().EnqueuedAt);
        Assert.Equal([queued.Offset, running.Offset], _projection.OffsetsOf("a"));
    }

    [Fact]
    public void Ids_that_differ_in_case_only_are_different_tasks()
    {
        string id = Guid.NewGuid().ToString();
        Apply(_records.Queued(id), _records.Running(id.ToUpperInvariant()), _records.Queued("order-17"));
        Assert.Equal((3, TaskState.Queued), (_projection.Counts().Confirmed, _projection.Find(id)!.State));
        Assert.NotNull(_projection.Find("order-17"));
        Assert.Null(_projection.Find("order-18"));
    }

    private TaskView Task() => _projection.Find("a")!;

    private void Apply(params HistoryRecord[] records) => Assert.All(records, _projection.Apply);
}
