using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Unit.History;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Broker;

/// <summary>Figures, not a test: runs where WORKQUEUE_MEASURE is the number of members. What a batch costs beside the same tasks alone.</summary>
[Collection(BrokerTests.Name)]
public sealed class BatchMeasurement(BrokerFixture broker, ITestOutputHelper output)
{
    [MeasureFact]
    public async Task Members_a_second_beside_the_same_tasks_alone()
    {
        int count = int.Parse(Environment.GetEnvironmentVariable("WORKQUEUE_MEASURE")!, CultureInfo.InvariantCulture);
        await using TestQueue queue = new(broker, ("History", "Off"));
        ITaskQueue tasks = await queue.ProducerAsync();
        ITaskBatches batches = queue.Last.Services.GetRequiredService<ITaskBatches>();
        NewTask[] probes = [.. Enumerable.Repeat(NewTask.Json("probe", "x"), count)];
        await MeasureAsync("tasks enqueued", count, async () => Assert.All(await tasks.EnqueueManyAsync(probes), result => Assert.Null(result.Error)));
        string id = "";
        await MeasureAsync("members enqueued", count, async () => id = (await batches.EnqueueAsync(probes, new BatchOptions { OnComplete = NewTask.Json("probe", "complete") })).Id);
        await queue.WorkerAsync(null, ("Worker:Concurrency", "16"), ("Worker:Prefetch", "adaptive"), ("History", "Off"));
        await MeasureAsync("tasks run", count, () => Eventually.TrueAsync(() => queue.Runs.All.Count >= count, "they have run", TimeSpan.FromMinutes(20)));
        await MeasureAsync("members run", count, () => Eventually.TrueAsync(() => queue.Runs.All.Count > 2 * count, "they have run, and what follows", TimeSpan.FromMinutes(20)));
        await Eventually.TrueAsync(async () => await batches.FindAsync(id) is { State: BatchState.Succeeded } batch && batch.Succeeded == count, "the batch has succeeded");
        Assert.Equal(1, queue.Runs.All.Count(run => run.Text == "complete"));
    }

    private async Task MeasureAsync(string name, int count, Func<Task> work)
    {
        long start = Stopwatch.GetTimestamp();
        await work();
        output.WriteLine(string.Create(CultureInfo.InvariantCulture, $"{name}: {count / Stopwatch.GetElapsedTime(start).TotalSeconds:0} a second"));
    }
}
