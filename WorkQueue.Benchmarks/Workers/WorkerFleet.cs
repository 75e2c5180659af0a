using System.Diagnostics;
using System.Globalization;
using System.Threading.Channels;

namespace WorkQueue.Benchmarks.Workers;

/// <summary>Something a worker process said.</summary>
/// <param name="Worker">Which one.</param>
/// <param name="What"><see cref="WorkerCommand.Done"/> or <see cref="WorkerCommand.Begun"/>.</param>
/// <param name="Numbers">The numbers that belong to it.</param>
internal sealed record WorkerLine(WorkerProcess Worker, string What, long[] Numbers)
{
    public bool IsDone => What == WorkerCommand.Done;

    public int Count => (int)Numbers[0];

    public long First => Numbers[1];

    public long Last => Numbers[2];
}

/// <summary>Worker processes that are listened to together.</summary>
internal sealed class WorkerFleet(Stage stage) : IAsyncDisposable
{
    private readonly Channel<WorkerLine> _lines = Channel.CreateUnbounded<WorkerLine>();
    private readonly List<WorkerProcess> _workers = [];

    /// <summary>Starts one.</summary>
    public WorkerProcess Start(Subject subject, int slots)
    {
        WorkerProcess worker = new(_lines.Writer, [WorkerCommand.Name, subject.Name, stage.ConnectionString, slots.ToString(CultureInfo.InvariantCulture)]);
        _workers.Add(worker);
        return worker;
    }

    /// <summary>The next line of a kind.</summary>
    /// <exception cref="InvalidOperationException">A worker ended by itself.</exception>
    public async Task<WorkerLine> NextAsync(Func<WorkerLine, bool> isWanted)
    {
        await foreach (WorkerLine line in _lines.Reader.ReadAllAsync())
        {
            if (isWanted(line))
            {
                return line;
            }
        }

        throw new InvalidOperationException("The workers have nothing more to say.");
    }

    /// <summary>Tasks a second of all of them together, after a number of tasks that warm up.</summary>
    public async Task<double> RateAsync(int expected, int warmUp)
    {
        Dictionary<WorkerProcess, int> counts = [];
        (int Count, long At) start = default;
        while (true)
        {
            WorkerLine line = await NextAsync(next => next.IsDone);
            counts[line.Worker] = line.Count;
            int sum = counts.Values.Sum();
            if (start.At == 0 && sum > warmUp)
            {
                // Of a process that was kept from telling until all was done, only its own first task is known.
                start = sum >= expected ? (1, line.First) : (sum, line.Last);
            }

            if (sum >= expected)
            {
                return (sum - start.Count) / Stopwatch.GetElapsedTime(start.At, line.Last).TotalSeconds;
            }
        }
    }

    public async ValueTask DisposeAsync() => await Task.WhenAll(_workers.Select(worker => worker.DisposeAsync().AsTask()));
}
