using System.Diagnostics;

namespace WorkQueue.Benchmarks;

/// <summary>Counts tasks as they are done, and the time from the first to the last.</summary>
/// <param name="expected">How many there are.</param>
/// <param name="warmUp">How many of them come before the first that counts.</param>
internal sealed class Tally(int expected, int warmUp = 0)
{
    private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private int _count;
    private long _begun;
    private long _first;
    private long _last;
    private Cost _costAtFirst;
    private Cost _costAtLast;

    /// <summary>Whether what they cost between the first and the last is counted too.</summary>
    public bool CountsCost { get; init; }

    /// <summary>Completes with the last one.</summary>
    public Task All => _all.Task;

    /// <summary>Tasks a second, between the first and the last.</summary>
    public double Rate => (expected - warmUp - 1) / Stopwatch.GetElapsedTime(_first, _last).TotalSeconds;

    /// <summary>What each of them cost in this process.</summary>
    public Cost CostEach => _costAtLast.Since(_costAtFirst, expected - warmUp - 1);

    /// <summary>Seconds from the first <see cref="Begin"/> to the last done.</summary>
    public double Makespan => Stopwatch.GetElapsedTime(_begun, _last).TotalSeconds;

    /// <summary>How many are done, and when the first and the latest were.</summary>
    public (int Count, long First, long Last) Now => (Volatile.Read(ref _count), Volatile.Read(ref _first), Volatile.Read(ref _last));

    /// <summary>One begins; only the first matters.</summary>
    public void Begin() => Interlocked.CompareExchange(ref _begun, Stopwatch.GetTimestamp(), 0);

    /// <summary>One is done.</summary>
    public void Mark()
    {
        int count = Interlocked.Increment(ref _count);
        if (count == warmUp + 1)
        {
            _costAtFirst = CountsCost ? Cost.Now() : default;
            Volatile.Write(ref _first, Stopwatch.GetTimestamp());
        }

        Volatile.Write(ref _last, Stopwatch.GetTimestamp());
        if (count == expected)
        {
            _costAtLast = CountsCost ? Cost.Now() : default;
            _all.TrySetResult();
        }
    }

    /// <summary>No more are waited for.</summary>
    public void End() => _all.TrySetResult();
}
