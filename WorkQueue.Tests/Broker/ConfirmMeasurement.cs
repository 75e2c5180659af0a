using System.Diagnostics;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Unit.History;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Broker;

/// <summary>Figures, not a test: runs where WORKQUEUE_MEASURE is set. What the three ways to wait for confirms are worth.</summary>
[Collection(BrokerTests.Name)]
public sealed class ConfirmMeasurement(BrokerFixture broker, ITestOutputHelper output)
{
    private const int Few = 3_000;
    private const int Many = 30_000;

    [MeasureFact]
    public async Task Confirmed_tasks_a_second_in_each_of_the_three_ways()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        await tasks.EnqueueManyAsync([.. Numbers(Few)]);
        await MeasureAsync("one at a time", Few, async () =>
        {
            foreach (NewTask task in Numbers(Few))
            {
                await tasks.EnqueueAsync(task);
            }
        });
        await MeasureAsync("batch", Many, async () => Assert.All(await tasks.EnqueueManyAsync([.. Numbers(Many)]), result => Assert.Null(result.Error)));
        await MeasureAsync("streaming", Many, async () =>
        {
            await foreach (EnqueueResult result in tasks.EnqueueAllAsync(Numbers(Many).ToAsyncEnumerable()))
            {
                Assert.Null(result.Error);
            }
        });
    }

    private async Task MeasureAsync(string name, int count, Func<Task> enqueue)
    {
        long start = Stopwatch.GetTimestamp();
        await enqueue();
        output.WriteLine($"{name}: {count / Stopwatch.GetElapsedTime(start).TotalSeconds:0} tasks/s");
    }

    private static IEnumerable<NewTask> Numbers(int count) => Enumerable.Range(0, count).Select(number => NewTask.Json("probe", number));
}
