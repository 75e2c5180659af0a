using System.Globalization;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The waits and runs of a task as bars, to scale.</summary>
internal sealed record Timeline(IReadOnlyList<TimelineBar> Bars, IReadOnlyList<string> Ticks, TimeSpan Total)
{
    public const int Width = 1000;
    private const double LeastWidth = 3;
    private const int TickCount = 5;

    /// <summary>From the history of a task; null where nothing tells when anything was.</summary>
    /// <param name="steps">What happened, in order: the waits.</param>
    /// <param name="attempts">The runs.</param>
    /// <param name="now">The present, where a task that has not ended goes to.</param>
    public static Timeline? Of(IReadOnlyList<StepView> steps, IReadOnlyList<AttemptView> attempts, DateTimeOffset now)
    {
        (TaskState State, DateTimeOffset At)[] known = [.. steps.Where(step => step.At is not null).Select(step => (step.State, step.At!.Value))];
        AttemptView[] runs = [.. attempts.Where(attempt => attempt.StartedAt is not null)];
        DateTimeOffset[] moments = [.. known.Select(step => step.At), .. runs.Select(run => run.StartedAt!.Value), .. runs.Select(run => run.EndedAt).OfType<DateTimeOffset>()];
        if (moments.Length == 0)
        {
            return null;
        }

        bool hasEnded = known.Length > 0 && IsEnd(known[^1].State);
        Extent span = new(moments.Min(), hasEnded ? moments.Max() : Later(now, moments.Max()));
        TimelineBar[] bars =
        [
            .. known.Select((step, index) => (step.State, step.At, Until: index + 1 < known.Length ? known[index + 1].At : span.End))
                .Where(wait => wait.State != TaskState.Running && (!IsEnd(wait.State) || wait.Until < span.End))
                .Select(wait => span.Bar(wait.At, wait.Until, Words.StateClass(wait.State), $"{Words.State(wait.State)} for {Words.Duration(wait.Until - wait.At)}", isRun: false)),
            .. runs.Select(run => Run(run, span)),
        ];
        return new Timeline(bars, [.. Enumerable.Range(0, TickCount).Select(tick => Words.Duration(span.Length * tick / (TickCount - 1)))], span.Length);
    }

    private static TimelineBar Run(AttemptView run, Extent span)
    {
        DateTimeOffset until = run.EndedAt ?? span.End;
        string state = run.Outcome switch
        {
            null => "s-running",
            "interrupted" => "s-cancelled",
            { } outcome => "s-" + outcome.ToLowerInvariant(),
        };
        string worker = run.Worker is null ? "" : $" on {run.Worker}";
        return span.Bar(run.StartedAt!.Value, until, state, $"attempt {run.Attempt}: ran {Words.Duration(until - run.StartedAt.Value)}{worker}", isRun: true);
    }

    private static bool IsEnd(TaskState state) => state is TaskState.Succeeded or TaskState.DeadLettered or TaskState.Cancelled;

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;

    private sealed record Extent(DateTimeOffset Start, DateTimeOffset End)
    {
        public TimeSpan Length => End > Start ? End - Start : TimeSpan.FromMilliseconds(1);

        public TimelineBar Bar(DateTimeOffset from, DateTimeOffset until, string state, string title, bool isRun)
        {
            // Clocks of several machines: one bar may seem to end before it began. And a short one is still to be seen.
            double width = Math.Clamp((until - from) / Length * Width, LeastWidth, Width);
            double left = Math.Clamp((from - Start) / Length * Width, 0, Width - width);
            return new TimelineBar(left, width, isRun ? $"run {state}" : state, title, isRun);
        }
    }
}

/// <summary>A stretch of time.</summary>
/// <param name="Left">Where it begins, of <see cref="Timeline.Width"/>.</param>
/// <param name="Width">How wide it is.</param>
/// <param name="Class">Its colour.</param>
/// <param name="Title">What it was.</param>
/// <param name="IsRun">A run, not a wait.</param>
internal sealed record TimelineBar(double Left, double Width, string Class, string Title, bool IsRun)
{
    public string LeftText => Left.ToString("0.##", CultureInfo.InvariantCulture);

    public string WidthText => Width.ToString("0.##", CultureInfo.InvariantCulture);
}
