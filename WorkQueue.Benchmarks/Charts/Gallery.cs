using WorkQueue.Benchmarks.Scenarios;

namespace WorkQueue.Benchmarks.Charts;

/// <summary>What of the report is drawn.</summary>
internal static class Gallery
{
    private const string OnClassic = ", classic queues";

    private static readonly Picture[] Pictures =
    [
        new("benchmarks-enqueue", "Enqueued, 64 callers that each wait until it is safe, 100 bytes (tasks/s)", "Enqueue, 64 callers, 100 bytes"),
        new("benchmarks-run", "Run, tasks that do nothing, 4 slots, prefetch 1 (tasks/s)", "Process, 4 slots, prefetch 1"),
        new("benchmarks-http", "POST /tasks, 64 callers, 100 bytes (tasks/s)", "HTTP: POST /tasks, 64 callers, 100 bytes"),
        new("growth-slots", "Tasks that do nothing, by slots (tasks/s)", GrowthScenario.Slots, IsCurve: true),
        new("growth-queues", "Tasks enqueued by 64 callers, by queues (tasks/s)", GrowthScenario.Queues, IsCurve: true),
        new("growth-queues-run", "Tasks run by 4 slots, by queues (tasks/s)", GrowthScenario.Queues, Figure: 1, IsCurve: true),
        new("growth-backlog", "Tasks run by 4 slots, by what waits (tasks/s)", GrowthScenario.Backlog, IsCurve: true),
        new("growth-memory-producer", "Memory of a producer in an hour of load (MB)", MemoryScenario.Title, Figure: 1, IsCurve: true),
        new("growth-memory-worker", "Memory of a worker in an hour of load (MB)", MemoryScenario.Title, Figure: 2, IsCurve: true),
        new("growth-history", "The history read by a producer that has no file of it (records/s)", GrowthScenario.History, IsCurve: true),
    ];

    /// <summary>Draws what the report has.</summary>
    /// <param name="results">The report.</param>
    /// <param name="folder">Where the pictures are put, by their names.</param>
    /// <returns>The files.</returns>
    public static IReadOnlyList<string> Draw(ResultsFile results, string folder)
    {
        Directory.CreateDirectory(folder);
        List<string> files = [];
        foreach (Picture picture in Pictures)
        {
            // Celery is measured on classic queues, with ours and the raw client beside it.
            Mark[] marks =
            [
                .. Mark.Of(results, picture.Section, picture.Figure),
                .. Mark.Of(results, picture.Section + OnClassic).Select(mark => mark with { Name = $"{mark.Name}, classic" }),
            ];
            if (marks.Length > 0)
            {
                Chart chart = new(picture.Title, marks);
                files.Add(Path.Combine(folder, picture.File + ".png"));
                Action<string> save = picture.IsCurve ? chart.SaveCurve : chart.SaveBars;
                save(files[^1]);
            }
        }

        return files;
    }

    private sealed record Picture(string File, string Title, string Section, int Figure = 0, bool IsCurve = false);
}
