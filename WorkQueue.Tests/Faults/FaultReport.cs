using System.Collections.Concurrent;
using System.Globalization;

namespace WorkQueue.Tests.Faults;

/// <summary>What came of the tasks of one test, counted by distinct id.</summary>
/// <param name="Confirmed">Ids whose enqueue was confirmed.</param>
/// <param name="Lost">Confirmed ids that neither succeeded, nor are dead letters, nor still wait.</param>
/// <param name="Duplicates">Runs to the end beyond the first of their id, and tasks that wait although they were done.</param>
internal sealed record Balance(int Confirmed, int Lost, int Duplicates);

/// <summary>The table of all fault tests of a run, written to the file that <c>WORKQUEUE_FAULT_REPORT</c> names.</summary>
public sealed class FaultReport : IDisposable
{
    private static readonly Lock Writing = new();

    private readonly ConcurrentQueue<string> _rows = new();

    /// <summary>Adds the row of a scenario, and fails it if a task was lost.</summary>
    /// <param name="scenario">What happened.</param>
    /// <param name="balance">What came of the tasks.</param>
    /// <param name="recovery">What was measured, such as <c>worker running: 0.4 s</c>.</param>
    internal void Add(string scenario, Balance balance, string recovery)
    {
        _rows.Enqueue(string.Create(
            CultureInfo.InvariantCulture, $"| {scenario} | {balance.Confirmed} | {balance.Lost} | {balance.Duplicates} | {recovery} |"));
        Assert.Equal(0, balance.Lost);
    }

    public void Dispose()
    {
        if (Environment.GetEnvironmentVariable("WORKQUEUE_FAULT_REPORT") is { Length: > 0 } file && !_rows.IsEmpty)
        {
            lock (Writing)
            {
                bool isFirst = !File.Exists(file) || new FileInfo(file).Length == 0;
                string[] head = isFirst ? ["| scenario | tasks | lost | duplicates | recovery |", "|---|---:|---:|---:|---|"] : [];
                File.AppendAllLines(file, [.. head, .. _rows]);
            }
        }
    }
}
