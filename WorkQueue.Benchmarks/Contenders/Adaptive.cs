namespace WorkQueue.Benchmarks.Contenders;

/// <summary>Ours with a prefetch that adapts to the tasks.</summary>
internal static class Adaptive
{
    public static readonly (string Key, string Value) Setting = ("Worker:Prefetch", "adaptive");

    /// <summary>Why it cannot be run, or null.</summary>
    public const string? Missing = "this version has no adaptive prefetch";
}
