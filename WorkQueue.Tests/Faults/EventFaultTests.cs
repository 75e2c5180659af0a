using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The broker dies under events.</summary>
[Collection(SideFaults.Name)]
public sealed class EventFaultTests(FaultBroker broker)
{
    private const int Count = 10_000;

    [FaultFact(Timeout = 180_000)]
    public async Task A_durable_subscription_loses_none_of_ten_thousand_events_over_a_restart_of_the_broker()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        ConcurrentDictionary<int, int> got = [];
        IHost publisher = await queue.StartAsync(builder => builder.AddTaskQueue());
        foreach (int _ in Enumerable.Range(0, 3))
        {
            await queue.StartAsync(builder => builder.AddEventHandler("numbers.#", (int number, EventContext _) => Keep(got, number), "counters"));
        }

        await queue.LoggedAsync("Connected to RabbitMQ", times: 8);
        await broker.FlushAsync();
        ITaskEvents events = publisher.Services.GetRequiredService<ITaskEvents>();
        Task publishing = Parallel.ForEachAsync(
            Enumerable.Range(0, Count), new ParallelOptions { MaxDegreeOfParallelism = 64 }, async (number, _) => await PublishAsync(events, number));
        await Eventually.TrueAsync(() => got.Count > Count / 10, "some are handled");
        await broker.KillAsync();
        await broker.StartAsync();
        await publishing;
        await Eventually.TrueAsync(() => got.Count == Count, "every confirmed event is handled", TimeSpan.FromSeconds(90));
    }

    // As an honest program does: again until it is confirmed.
    private static async Task PublishAsync(ITaskEvents events, int number)
    {
        while (true)
        {
            try
            {
                await events.PublishAsync("numbers.all", number);
                return;
            }
            catch (EventNotPublishedException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(100), TimeProvider.System);
            }
        }
    }

    private static Task Keep(ConcurrentDictionary<int, int> got, int number)
    {
        got.AddOrUpdate(number, 1, (_, times) => times + 1);
        return Task.CompletedTask;
    }
}
