using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

public sealed class BrokerDifferenceTests : IDisposable
{
    private readonly FakeClock _clock = new();
    private readonly Records _records;
    private readonly TaskProjection _projection;
    private readonly BrokerCheck _check;

    public BrokerDifferenceTests()
    {
        _records = new Records(_clock);
        _projection = Records.NewProjection(_clock);
        _projection.Apply(
            [_records.Queued("a"), _records.Running("b"), _records.Scheduled("c", TimeSpan.FromHours(1)), _records.Dead("d"), _records.Cancelled("e"), _records.Succeeded("f")]);
        _check = new BrokerCheck(_projection, null!, new HistorySettings(Options.Create(new WorkQueueOptions())), _clock, NullLogger<BrokerCheck>.Instance);
    }

    public void Dispose() => _check.Dispose();

    [Fact]
    public void A_cancelled_task_that_no_worker_has_dropped_is_pending_for_the_broker() => Assert.Null(Check(new BrokerTotals(2, 1, 1, 1), new BrokerTotals(2, 1, 1, 1)));

    [Fact]
    public void A_difference_is_told_when_two_checks_find_it()
    {
        BrokerTotals more = new(4, 1, 1, 0);
        Assert.Null(Check(more));
        Assert.Equal("the broker has 2 pending tasks more than the history tells of; the broker has 1 dead letters fewer than the history tells of", Check(more));
        Assert.Null(Check(new BrokerTotals(2, 1, 1, 1)));
    }

    [Fact]
    public void What_is_not_known_is_not_compared() => Assert.Null(Check(new BrokerTotals(9, null, 1, 1), new BrokerTotals(9, null, 1, 1)));

    [Fact]
    public void While_the_history_is_read_nothing_is_told()
    {
        FakeClock clock = new();
        using BrokerCheck check = new(Records.NewProjection(clock), null!, new HistorySettings(Options.Create(new WorkQueueOptions())), clock, NullLogger<BrokerCheck>.Instance);
        check.Compare(new BrokerTotals(9, 9, 9, 9));
        check.Compare(new BrokerTotals(9, 9, 9, 9));
        Assert.Null(check.Difference);
    }

    [Fact]
    public void What_left_an_empty_queue_without_a_word_is_unknown_until_a_record_tells_more()
    {
        BrokerTotals empty = new(0, 0, 1, 1) { Empty = ["default"] };
        TimeSpan interval = TimeSpan.FromSeconds(6);
        _clock.Advance(interval * 2);
        Check(empty);
        _clock.Advance(interval);
        _projection.Apply(_records.Queued("new"));
        Assert.Equal(TaskState.Queued, _projection.Find("a")!.State);
        Check(empty);
        Assert.Equal(
            (TaskState.Unknown, TaskState.Unknown, TaskState.Scheduled, TaskState.Queued), (_projection.Find("a")!.State, _projection.Find("b")!.State, _projection.Find("c")!.State, _projection.Find("new")!.State));
        Assert.Equal("taken by a worker that reports nothing", _projection.Find("a")!.Reason);
        Assert.Equal((2, 2, 7), (_projection.Counts()[TaskState.Unknown], _projection.Counts().Pending, _projection.Counts().Confirmed));
        Assert.Equal(["b", "a"], _projection.List(new TaskQuery { States = new HashSet<TaskState> { TaskState.Unknown } }).Items.Select(task => task.Id));
        _projection.Apply(_records.Succeeded("b"));
        Assert.Equal((TaskState.Succeeded, 1), (_projection.Find("b")!.State, _projection.Counts()[TaskState.Unknown]));
    }

    [Fact]
    public void What_was_taken_at_once_is_unknown_as_soon_as_the_clocks_of_all_have_passed_it()
    {
        BrokerTotals empty = new(0, 0, 1, 1) { Empty = ["default"] };
        List<TaskState> states = [];
        for (int check = 0; check < 4; check++)
        {
            _clock.Advance(TimeSpan.FromSeconds(6));
            Check(empty);
            states.Add(_projection.Find("a")!.State);
        }

        Assert.Equal([TaskState.Queued, TaskState.Queued, TaskState.Unknown, TaskState.Unknown], states);
    }

    [Fact]
    public void Nothing_is_unknown_while_the_history_is_behind_or_a_delayed_task_may_be_on_its_way()
    {
        BrokerTotals empty = new(0, 0, 1, 1) { Empty = ["default"] };
        _projection.Apply(_records.Scheduled("due", TimeSpan.FromSeconds(1)));
        _projection.EndReplay();
        _clock.Advance(TimeSpan.FromMinutes(1));
        for (int check = 0; check < 3; check++)
        {
            _clock.Advance(TimeSpan.FromSeconds(6));
            _check.Compare(empty);
        }

        Assert.Equal((TaskState.Queued, TaskState.Queued), (_projection.Find("a")!.State, _projection.Find("due")!.State));
        Check(empty);
        Assert.Equal((TaskState.Unknown, TaskState.Queued), (_projection.Find("a")!.State, _projection.Find("due")!.State));
        Check(empty with { Delayed = 0 });
        Assert.Equal(TaskState.Unknown, _projection.Find("due")!.State);
        _projection.Apply(_records.Progress("b", 50));
        Assert.Equal((TaskState.Running, 2), (_projection.Find("b")!.State, _projection.Counts()[TaskState.Unknown]));
    }

    [Fact]
    public void A_queue_that_had_something_at_one_of_two_checks_makes_nothing_unknown()
    {
        BrokerTotals empty = new(0, 0, 1, 1) { Empty = ["default"] };
        for (int check = 0; check < 6; check++)
        {
            _clock.Advance(TimeSpan.FromSeconds(6));
            Check(check % 2 == 0 ? empty : new BrokerTotals(0, 1, 1, 1));
        }

        Assert.Equal(0, _projection.Counts()[TaskState.Unknown]);
    }

    private string? Check(params BrokerTotals[] totals)
    {
        _projection.EndReplay();
        _projection.HasSeenAll();
        Assert.All(totals, _check.Compare);
        return _check.Difference;
    }
}
