using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Board;

/// <summary>Where lines and bars go.</summary>
public sealed class ChartTests
{
    private static readonly DateTimeOffset Start = new(2030, 1, 31, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(0, 1)]
    [InlineData(1, 1)]
    [InlineData(2, 2)]
    [InlineData(3, 5)]
    [InlineData(7, 10)]
    [InlineData(11, 20)]
    [InlineData(62, 100)]
    [InlineData(1001, 2000)]
    public void The_axis_ends_at_a_round_number_above_all_values(long most, long top) => Assert.Equal(top, RateGeometry.Top([0, most]));

    [Fact]
    public void An_axis_without_values_has_an_end_all_the_same() => Assert.Equal(1, RateGeometry.Top([]));

    [Fact]
    public void A_line_goes_from_the_left_edge_to_the_right_and_zero_is_at_the_bottom()
    {
        Assert.Equal("0,100 50,50 100,0", RateGeometry.Line([0, 5, 10], 10, 100, 100));
        Assert.Equal("0,100 0,100 50,50 100,0 100,100", RateGeometry.Area([0, 5, 10], 10, 100, 100));
        Assert.Equal("", RateGeometry.Area([], 10));
    }

    [Fact]
    public void Waits_and_runs_are_bars_to_scale()
    {
        StepView[] steps = [Step(TaskState.Queued, 0), Step(TaskState.Retrying, 4), Step(TaskState.Succeeded, 10)];
        AttemptView[] attempts = [Run(1, 2, 4, "retrying"), Run(2, 8, 10, "succeeded")];
        Timeline timeline = Timeline.Of(steps, attempts, Start.AddHours(1))!;
        Assert.Equal(TimeSpan.FromSeconds(10), timeline.Total);
        Assert.Equal(
            [("s-queued", 0, 400), ("s-retrying", 400, 600), ("run s-retrying", 200, 200), ("run s-succeeded", 800, 200)],
            timeline.Bars.Select(bar => (bar.Class, (int)bar.Left, (int)bar.Width)));
        Assert.Equal(["0 ms", "2.5 s", "5.0 s", "7.5 s", "10 s"], timeline.Ticks);
    }

    [Fact]
    public void A_task_that_runs_goes_on_to_the_present()
    {
        Timeline timeline = Timeline.Of([Step(TaskState.Queued, 0), Step(TaskState.Running, 5)], [Run(1, 5, null, null)], Start.AddSeconds(10))!;
        Assert.Equal([("s-queued", 0, 500), ("run s-running", 500, 500)], timeline.Bars.Select(bar => (bar.Class, (int)bar.Left, (int)bar.Width)));
    }

    [Fact]
    public void A_very_short_run_at_the_end_is_still_seen()
    {
        StepView[] steps = [Step(TaskState.Queued, 0), Step(TaskState.Succeeded, 3600)];
        TimelineBar run = Timeline.Of(steps, [Run(1, 3599.999, 3600, "succeeded")], Start)!.Bars[^1];
        Assert.InRange(run.Width, 2, 5);
        Assert.Equal(Timeline.Width, run.Left + run.Width, precision: 6);
    }

    [Fact]
    public void Clocks_that_disagree_and_tasks_without_times_do_no_harm()
    {
        Assert.Null(Timeline.Of([new StepView(null, TaskState.Queued, 1, null, null)], [], Start));
        Timeline odd = Timeline.Of([Step(TaskState.Queued, 5), Step(TaskState.Succeeded, 4)], [Run(1, 4.5, 4, "succeeded")], Start)!;
        Assert.All(odd.Bars, bar => Assert.True(bar.Left >= 0 && bar.Width > 0 && bar.Left + bar.Width <= Timeline.Width + 0.001));
    }

    private static StepView Step(TaskState state, double seconds) => new(Start.AddSeconds(seconds), state, 1, null, null);

    private static AttemptView Run(int attempt, double from, double? to, string? outcome) =>
        new(attempt, 0, "w", Start.AddSeconds(from), to is null ? null : Start.AddSeconds(to.Value), outcome, null, null);
}
