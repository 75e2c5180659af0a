using System.Globalization;
using WorkQueue.Messaging;
using WorkQueue.Producer.History;

namespace WorkQueue.Producer.Board;

/// <summary>The waits and runs of a task as bars, to scale.</summary>
internal sealed record Timeline(IReadOnlyList<TimelineBar> Bars, IReadOnlyList<TimelineTick> Ticks, TimeSpan Total)
{
    public const int Width = 1000;
    private const double LeastWidth = 3;
    private const int TickCount = 5;

    /// <summary>From the steps of a task; null where there is nothing to draw.</summary>
    /// <param name="steps">The steps in order.</param>
    /// <param name="now">The present, where a task that has not ended goes to.</param>
    public static Timeline? Of(IReadOnlyList<StepView> steps, DateTimeOffset now)
    {
        StepView[] known = [.. steps.Where(step => step.At is not null)];
        if (known.Length == 0)
        {
            return null;
        }

        DateTimeOffset start = known[0].At!.Value;
        DateTimeOffset end = HasEnded(known[^1].State) ? known.Max(step => step.At!.Value) : Later(now, known[^1].At!.Value);
        TimeSpan total = end > start ? end - start : TimeSpan.FromMilliseconds(1);
        List<TimelineBar> bars = [];
        for (int i = 0; i < known.Length; i++)
        {
            DateTimeOffset until = i + 1 < known.Length ? known[i + 1].At!.Value : end;
            if (i + 1 < known.Length || !HasEnded(known[i].State))
            {
                bars.Add(Bar(known[i], start, Later(until, known[i].At!.Value), total));
            }
        }

        return new Timeline(bars, [.. Enumerable.Range(0, TickCount).Select(tick => Tick(tick, total))], total);
    }

    private static TimelineBar Bar(StepView step, DateTimeOffset start, DateTimeOffset until, TimeSpan total)
    {
        DateTimeOffset from = step.At!.Value;
        double width = Math.Max(LeastWidth, (until - from) / total * Width);
        // A short one at the right end is still seen.
        double left = Math.Clamp((from - start) / total * Width, 0, Width - width);
        return new TimelineBar(step.State, left, width, until - from, step.Attempt, step.Worker);
    }

    private static TimelineTick Tick(int tick, TimeSpan total)
    {
        double share = (double)tick / (TickCount - 1);
        return new TimelineTick(share * Width, Words.Duration(total * share));
    }

    private static bool HasEnded(TaskState state) => state is TaskState.Succeeded or TaskState.DeadLettered or TaskState.Cancelled;

    private static DateTimeOffset Later(DateTimeOffset one, DateTimeOffset other) => one > other ? one : other;
}

/// <summary>A stretch of time in one state.</summary>
internal sealed record TimelineBar(TaskState State, double Left, double Width, TimeSpan Duration, int Attempt, string? Worker)
{
    public string LeftText => Left.ToString("0.##", CultureInfo.InvariantCulture);

    public string WidthText => Width.ToString("0.##", CultureInfo.InvariantCulture);

    public string Title => State == TaskState.Running
        ? $"attempt {Attempt}: ran {Words.Duration(Duration)}{(Worker is null ? "" : $" on {Worker}")}"
        : $"{Words.State(State)} for {Words.Duration(Duration)}";
}

/// <summary>A mark of the time axis.</summary>
internal sealed record TimelineTick(double Left, string Text);
