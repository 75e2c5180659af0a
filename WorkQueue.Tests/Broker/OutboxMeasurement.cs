using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Outbox;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Unit.History;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Broker;

/// <summary>Figures, not a test: runs where WORKQUEUE_MEASURE is set. What the outbox costs.</summary>
[Collection(BrokerTests.Name)]
public sealed class OutboxMeasurement(BrokerFixture broker, ITestOutputHelper output)
{
    private static readonly TimeSpan Patience = TimeSpan.FromMinutes(5);

    private const int Tasks = 10_000;
    private const int InSequence = 2_000;
    private const int Runs = 200;

    [MeasureFact]
    public async Task Tasks_a_second_and_from_commit_to_handler()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using TestQueue queue = new(broker, ("Queues:bulk:Type", "Quorum"), ("Queues:ordered:Lanes", "1"), ("Queues:ordered:Ordered", "true"));
        IHost writer = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            database.AddTo(builder, relay: null);
        });
        await MeasureAsync("written, 100 in a transaction", Tasks, () => WriteAsync(writer, Tasks, "bulk"));
        IHost relay = await queue.StartAsync(builder => database.AddTo(builder, _ => { }));
        await MeasureAsync("sent by one relay", Tasks, () => database.EmptyAsync(Patience));
        await relay.StopAsync();
        await WriteAsync(writer, InSequence, "ordered");
        relay = await queue.StartAsync(builder => database.AddTo(builder, _ => { }));
        await MeasureAsync("sent in one sequence", InSequence, () => database.EmptyAsync(Patience));

        await queue.WorkerAsync();
        List<double> waits = [];
        for (int run = 0; run < Runs; run++)
        {
            await using AsyncServiceScope scope = relay.Services.CreateAsyncScope();
            Shop shop = scope.ServiceProvider.GetRequiredService<Shop>();
            shop.Enqueue("probe", "");
            await shop.SaveChangesAsync();
            long committed = Stopwatch.GetTimestamp();
            await queue.Runs.NextAsync();
            waits.Add(Stopwatch.GetElapsedTime(committed).TotalMilliseconds);
        }

        output.WriteLine($"from commit to handler: {waits.Order().ElementAt(Runs / 2):0.0} ms (median)");
    }

    private static async Task WriteAsync(IHost host, int count, string to)
    {
        for (int first = 0; first < count; first += 100)
        {
            await using AsyncServiceScope scope = host.Services.CreateAsyncScope();
            Shop shop = scope.ServiceProvider.GetRequiredService<Shop>();
            for (int number = first; number < first + 100; number++)
            {
                shop.Enqueue("probe", "", new TaskOptions { Queue = to });
            }

            await shop.SaveChangesAsync();
        }
    }

    private async Task MeasureAsync(string name, int count, Func<Task> work)
    {
        long start = Stopwatch.GetTimestamp();
        await work();
        output.WriteLine($"{name}: {count / Stopwatch.GetElapsedTime(start).TotalSeconds:0} tasks/s");
    }
}
