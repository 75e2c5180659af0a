using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Producer.History;

namespace WorkQueue.Tests.Unit.History;

public sealed class BrokerDifferenceTests : IDisposable
{
    private readonly TaskProjection _projection;
    private readonly BrokerCheck _check;

    public BrokerDifferenceTests()
    {
        FakeClock clock = new();
        Records records = new(clock);
        _projection = Records.NewProjection(clock);
        _projection.Apply([records.Queued("a"), records.Running("b"), records.Scheduled("c", TimeSpan.FromHours(1)), records.Dead("d"), records.Cancelled("e"), records.Succeeded("f")]);
        _check = new BrokerCheck(_projection, null!, new HistorySettings(Options.Create(new WorkQueueOptions())), clock, NullLogger<BrokerCheck>.Instance);
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

    private string? Check(params BrokerTotals[] totals)
    {
        _projection.EndReplay();
        Assert.All(totals, _check.Compare);
        return _check.Difference;
    }
}
