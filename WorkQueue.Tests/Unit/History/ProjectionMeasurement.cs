using System.Diagnostics;
using WorkQueue.Messaging;
using WorkQueue.Producer.History;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Unit.History;

/// <summary>Figures, not a test: runs where WORKQUEUE_MEASURE is set.</summary>
public sealed class ProjectionMeasurement(ITestOutputHelper output)
{
    [MeasureFact]
    public void Records_a_second_and_bytes_a_task()
    {
        const int Tasks = 1_000_000;
        FakeClock clock = new();
        Records records = new(clock);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        TaskProjection projection = Records.NewProjection(clock);
        TimeSpan taken = TimeSpan.Zero;
        List<HistoryRecord> group = [];
        for (int task = 0; task < Tasks; task++)
        {
            string id = Guid.CreateVersion7(clock.Now).ToString();
            group.AddRange([records.Queued(id), records.Running(id, worker: $"worker-{task % 20}"), records.Succeeded(id, worker: $"worker-{task % 20}")]);
            if (task % 100 == 0)
            {
                // One in a hundred dies, each with an error of its own.
                group[^1] = records.Dead(id, $"{task} could not be done because of a rather long story about {id}");
            }

            if (group.Count >= 3_000)
            {
                long start = Stopwatch.GetTimestamp();
                projection.Apply(group);
                taken += Stopwatch.GetElapsedTime(start);
                group.Clear();
                clock.Advance(TimeSpan.FromMilliseconds(100));
            }
        }

        group.TrimExcess();
        long bytes = GC.GetTotalMemory(forceFullCollection: true) - before;
        long scan = Stopwatch.GetTimestamp();
        Assert.Empty(projection.List(new TaskQuery { Search = "nowhere to be found" }).Items);
        TimeSpan search = Stopwatch.GetElapsedTime(scan);
        output.WriteLine($"{Tasks * 3 / taken.TotalSeconds:N0} records/s; {bytes / 1e6:N0} MB, {bytes / (double)Tasks:N0} bytes a task; a search through all {search.TotalMilliseconds:N0} ms");
        Assert.Equal(Tasks, projection.Counts().Confirmed);
    }
}

/// <summary>A fact that only measures.</summary>
internal sealed class MeasureFactAttribute : FactAttribute
{
    public MeasureFactAttribute() => Skip = Environment.GetEnvironmentVariable("WORKQUEUE_MEASURE") is { Length: > 0 } ? null : "measures; set WORKQUEUE_MEASURE=1";
}
