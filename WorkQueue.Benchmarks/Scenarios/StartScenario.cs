using System.Diagnostics;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Benchmarks.Workers;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>How long a worker process takes to its first task.</summary>
internal static class StartScenario
{
    private const int Waiting = 100;
    private const string Raw = "raw client";

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        yield return new Comparison("From the start of a worker process to its first task done", ["ms"],
        [
            new(Raw, () => MeasureAsync(Subject.Raw)),
            new("ours, History=off", () => MeasureAsync(Subject.Ours)) { Against = [Raw] },
            new("ours, History=all", () => MeasureAsync(Subject.OursWithHistory)) { Against = [Raw] },
        ])
        { Note = "The same program, so that both load the same runtime; the tasks wait, and the queues exist." };

        async Task<double[]> MeasureAsync(Subject subject)
        {
            await subject.On(stage).FillNoopsAsync(Waiting);
            await using WorkerFleet fleet = new(stage);
            WorkerProcess worker = fleet.Start(subject, slots: 1);
            WorkerLine done = await fleet.NextAsync(line => line.IsDone);
            return [Stopwatch.GetElapsedTime(worker.StartedAt, done.First).TotalMilliseconds];
        }
    }
}
