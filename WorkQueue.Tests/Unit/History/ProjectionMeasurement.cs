using System.Diagnostics;
using System.Globalization;
using System.Text;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Unit.History;

/// <summary>Figures, not a test: runs where WORKQUEUE_MEASURE is the number of tasks.</summary>
public sealed class ProjectionMeasurement(ITestOutputHelper output)
{
    private static readonly string[] States = [.. Enum.GetNames<TaskState>()];

    [MeasureFact]
    public void Records_a_second_bytes_a_task_and_milliseconds_a_page()
    {
        int tasks = int.Parse(Environment.GetEnvironmentVariable("WORKQUEUE_MEASURE")!, CultureInfo.InvariantCulture);
        FakeClock clock = new();
        string file = Path.Combine(Path.GetTempPath(), $"workqueue-{Guid.NewGuid():N}", "tasks.db");
        using (TaskProjection projection = Records.NewProjection(clock, int.MaxValue, file))
        {
            TimeSpan taken = Fill(projection, new Records(clock), clock, tasks);
            double bytes = new DirectoryInfo(Path.GetDirectoryName(file)!).GetFiles().Sum(part => part.Length);
            output.WriteLine($"{tasks:N0} tasks: {tasks * 3 / taken.TotalSeconds:N0} records/s; file {bytes / 1e6:N0} MB, {bytes / tasks:N0} bytes a task; {Environment.WorkingSet / 1e6:N0} MB of memory");
            Measure("first page", () => projection.List(new TaskQuery()));
            Measure("page in the middle", () => projection.List(new TaskQuery { Before = new TaskCursor(tasks * 3L / 2) }));
            foreach (string state in States)
            {
                Measure($"state {state}", () => projection.List(new TaskQuery { States = new HashSet<TaskState> { Enum.Parse<TaskState>(state) } }));
            }

            Measure("a type that is rare", () => projection.List(new TaskQuery { Type = "rare" }));
            Measure("a queue", () => projection.List(new TaskQuery { Queue = "default" }));
            Measure("search: nothing", () => projection.List(new TaskQuery { Search = "nowhere to be found" }));
            Measure("search: a customer in payloads", () => projection.List(new TaskQuery { Search = "4711" }));
            Measure("search: a word of every payload", () => projection.List(new TaskQuery { Search = "customer" }));
            Measure("search: a word of every payload, dead", () => projection.List(new TaskQuery { Search = "customer", States = new HashSet<TaskState> { TaskState.DeadLettered } }));
            Measure("search: an error", () => projection.List(new TaskQuery { Search = "rather long story" }));
            Measure("search: a worker", () => projection.List(new TaskQuery { Search = "worker-7" }));
            Measure("search: beginning of an id", () => projection.List(new TaskQuery { Search = Guid.CreateVersion7(clock.Now).ToString()[..9] }));
            Measure("counts", () => projection.Counts());
            Measure("live", () => projection.Live());
            Measure("dead letters by error", () => projection.DeadGroups(null, 20));
            Measure("letters", () => Records.LettersOf(projection).Count);
            Assert.Equal(tasks, projection.Counts().Confirmed);
        }

        long start = Stopwatch.GetTimestamp();
        Records.NewProjection(clock, int.MaxValue, file).Dispose();
        output.WriteLine($"start: {Stopwatch.GetElapsedTime(start).TotalMilliseconds:N0} ms");
        Directory.Delete(Path.GetDirectoryName(file)!, recursive: true);
    }

    private static TimeSpan Fill(TaskProjection projection, Records records, FakeClock clock, int tasks)
    {
        TimeSpan taken = TimeSpan.Zero;
        List<HistoryRecord> group = [];
        for (int task = 0; task < tasks; task++)
        {
            string id = Guid.CreateVersion7(clock.Now).ToString();
            byte[] body = Encoding.UTF8.GetBytes($$"""{"customer":{{task % 50_000}},"file":"invoice-{{task}}.pdf","title":"Invoice of November"}""");
            string type = task % 100_000 == 7 ? "rare" : task % 3 == 0 ? "render-pdf" : "resize-image";
            HistoryRecord end = task % 100 == 0
                ? records.Dead(id, $"{task} could not be done because of a rather long story about {id}")
                : records.Succeeded(id, worker: $"worker-{task % 20}");
            HistoryRecord[] life = [records.Queued(id) with { Body = body }, records.Running(id, worker: $"worker-{task % 20}"), end];
            group.AddRange((task > tasks - 1_000 ? life[..2] : life).Select(record => record with { Type = type }));
            if (group.Count >= 3_000 || task == tasks - 1)
            {
                long start = Stopwatch.GetTimestamp();
                projection.Apply(group);
                taken += Stopwatch.GetElapsedTime(start);
                group.Clear();
                clock.Advance(TimeSpan.FromMilliseconds(100));
            }
        }

        return taken;
    }

    private void Measure(string what, Func<object> ask)
    {
        ask();
        double[] times = [.. Enumerable.Range(0, 5).Select(_ =>
        {
            long start = Stopwatch.GetTimestamp();
            ask();
            return Stopwatch.GetElapsedTime(start).TotalMilliseconds;
        }).Order()];
        output.WriteLine($"{what}: {times[2]:N1} ms, at most {times[^1]:N1}");
    }
}

/// <summary>A fact that only measures.</summary>
internal sealed class MeasureFactAttribute : FactAttribute
{
    public MeasureFactAttribute() => Skip = Environment.GetEnvironmentVariable("WORKQUEUE_MEASURE") is { Length: > 0 } ? null : "measures; set WORKQUEUE_MEASURE to a number of tasks";
}
