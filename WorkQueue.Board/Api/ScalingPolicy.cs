using System.Globalization;

namespace WorkQueue.Board.Api;

/// <summary>What is wanted of the workers of a queue.</summary>
/// <param name="Target">In which time a waiting task is to be started.</param>
/// <param name="Min">The fewest workers.</param>
/// <param name="Max">The most.</param>
/// <param name="Stabilisation">For how long fewer must do before there are fewer.</param>
internal sealed record ScalingSettings(TimeSpan Target, int Min, int Max, TimeSpan Stabilisation);

/// <summary>What is known of a queue at a moment.</summary>
/// <param name="At">The moment.</param>
/// <param name="Ready">Tasks that wait.</param>
/// <param name="Running">Tasks that workers have.</param>
/// <param name="Workers">Workers that take from it.</param>
/// <param name="SlotsPerWorker">Tasks that one of them runs at once.</param>
/// <param name="ArrivalPerSecond">Tasks that come in a second.</param>
/// <param name="SecondsPerTask">How long one runs.</param>
internal sealed record ScalingSample(DateTimeOffset At, long Ready, long Running, int Workers, double SlotsPerWorker, double ArrivalPerSecond, double SecondsPerTask)
{
    /// <summary>Nothing is to be taken from it.</summary>
    public bool IsPaused { get; init; }

    /// <summary>Tasks that may run at once, over all workers; null for any number.</summary>
    public double? MostRunning { get; init; }
}

/// <summary>How many workers there are to be, and why.</summary>
internal sealed record ScalingDecision(int Wanted, string Reason);

/// <summary>
/// How many workers a queue needs. More at once; fewer only when fewer have done for a time, and then with some to spare, so that noise moves nothing. It knows no
/// clock and asks nobody.
/// </summary>
internal sealed class ScalingPolicy(ScalingSettings settings)
{
    // Above the one there are more of them, below the other fewer: between the two nothing changes.
    private const double BusyAtMost = 0.9;
    private const double BusyAfterwards = 0.8;

    private static readonly TimeSpan ShortestGap = TimeSpan.FromMinutes(2);

    private readonly Queue<(DateTimeOffset At, int Enough)> _recent = new();
    private DateTimeOffset? _asked;
    private int _wanted;

    /// <summary>Decides; to be asked again and again.</summary>
    public ScalingDecision Decide(ScalingSample sample)
    {
        while (_recent.TryPeek(out (DateTimeOffset At, int Enough) oldest) && sample.At - oldest.At > settings.Stabilisation)
        {
            _recent.Dequeue();
        }

        if (_asked is not { } last || (_recent.Count == 0 && sample.At - last > ShortestGap))
        {
            // Nothing is known of the time before: as many as there are, until it is.
            _wanted = Clamp(sample.Workers);
            _recent.Enqueue((sample.At, _wanted));
        }

        _asked = sample.At;
        (int needed, string why) = Needed(sample, BusyAtMost);
        int enough = Needed(sample, BusyAfterwards).Workers;
        _recent.Enqueue((sample.At, enough));
        int lately = _recent.Max(moment => moment.Enough);
        string reason = why;
        if (needed < _wanted && lately < _wanted)
        {
            (_wanted, reason) = (Math.Max(needed, lately), string.Create(CultureInfo.InvariantCulture, $"fewer have been enough for {settings.Stabilisation}: {why}"));
        }
        else if (needed <= _wanted)
        {
            reason = needed < _wanted ? string.Create(CultureInfo.InvariantCulture, $"{needed} would do at the moment; held until fewer have been enough for {settings.Stabilisation}") : why;
        }
        else
        {
            _wanted = needed;
        }

        return new ScalingDecision(_wanted, reason);
    }

    private (int Workers, string Why) Needed(ScalingSample sample, double busy)
    {
        double seconds = sample.SecondsPerTask;
        // Tasks run at once on average, by Little's law.
        double load = sample.ArrivalPerSecond * seconds;
        // Half of the target goes by until somebody asks. No waiting task has a use for more than a slot of its own.
        double backlog = sample.IsPaused ? 0 : Math.Min(load + (sample.Ready * seconds / (settings.Target.TotalSeconds / 2)), sample.Running + sample.Ready);
        double arrivals = sample.IsPaused ? 0 : load / busy;
        (double slots, string why) = sample.IsPaused ? (0, "the queue is paused; what runs is left to end")
            : backlog > arrivals ? (backlog, string.Create(CultureInfo.InvariantCulture, $"{sample.Ready} wait, to be started within {settings.Target}"))
            : arrivals > 0 ? (arrivals, string.Create(CultureInfo.InvariantCulture, $"{sample.ArrivalPerSecond:0.##} tasks a second of {seconds:0.###} s each"))
            : (0, "nothing waits");
        (slots, why) = sample.MostRunning is { } most && most < slots ? (most, string.Create(CultureInfo.InvariantCulture, $"no more than {most:0.##} may run at once")) : (slots, why);
        int wanted = Workers(slots, sample);
        int running = Workers(sample.Running, sample);
        (wanted, why) = running > wanted ? (running, string.Create(CultureInfo.InvariantCulture, $"{sample.Running} run")) : (wanted, why);
        int within = Clamp(wanted);
        return (within, within > wanted ? $"{why}; the minimum is {settings.Min}" : within < wanted ? string.Create(CultureInfo.InvariantCulture, $"{why}, which takes {wanted}; the maximum is {settings.Max}") : why);
    }

    // Not one more for what the arithmetic of fractions leaves over.
    private static int Workers(double slots, ScalingSample sample) => (int)Math.Min(int.MaxValue, Math.Ceiling((slots / Math.Max(1, sample.SlotsPerWorker)) - 1e-9));

    private int Clamp(int workers) => Math.Clamp(workers, settings.Min, settings.Max);
}
