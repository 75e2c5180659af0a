namespace WorkQueue.Benchmarks;

/// <summary>What this process has used of the machine. Unlike rates it hardly depends on what else the machine does.</summary>
/// <param name="Bytes">Allocated, since it started or for each.</param>
/// <param name="Microseconds">Of processor time, of all its threads.</param>
internal readonly record struct Cost(double Bytes, double Microseconds)
{
    public static Cost Now() => new(GC.GetTotalAllocatedBytes(precise: true), Environment.CpuUsage.TotalTime.TotalMicroseconds);

    /// <summary>For each of so many since then.</summary>
    public Cost Since(Cost before, int count) => new((Bytes - before.Bytes) / count, (Microseconds - before.Microseconds) / count);
}
