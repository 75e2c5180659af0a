namespace WorkQueue.Messaging;

/// <summary>When a failed attempt is tried again, <c>WorkQueue:Retry</c>.</summary>
public sealed class RetryOptions
{
    private static readonly TimeSpan[] DefaultDelays =
        [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4), TimeSpan.FromSeconds(16), TimeSpan.FromSeconds(64)];

    /// <summary>The waits between attempts: N delays give N + 1 attempts. Default 1 s, 4 s, 16 s, 64 s.</summary>
    public IReadOnlyList<TimeSpan>? Delays { get; set; }

    /// <summary>How far a delay may vary at random, as a share of it, 0 to 1. Default 0.2.</summary>
    public double Jitter { get; set; } = 0.2;

    internal IReadOnlyList<TimeSpan> EffectiveDelays => Delays ?? DefaultDelays;
}
