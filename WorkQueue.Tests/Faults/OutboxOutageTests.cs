using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Outbox;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The broker is away while tasks are committed.</summary>
[Collection(SideFaults.Name)]
public sealed class OutboxOutageTests(FaultBroker broker, FaultReport report)
{
    [OutboxFaultFact(Timeout = 120_000)]
    public async Task Without_a_broker_tasks_wait_in_the_outbox_the_health_says_how_many_and_they_are_sent_when_it_is_back()
    {
        const int Tasks = 500;
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, link);
        await link.RefuseAsync();
        IHost host = await queue.StartAsync(builder => database.AddTo(builder, _ => { }));
        await EnqueueAsync(queue, host, Tasks);
        await Eventually.HealthAsync(
            host,
            report => report.Entries["outbox-Shop"] is { Status: HealthStatus.Degraded } entry && entry.Description!.StartsWith($"{Tasks} task(s) wait in the outbox, the oldest since 2", StringComparison.Ordinal) && entry.Description.Contains("nothing was sent since", StringComparison.Ordinal),
            "the health says how many wait, and since when");
        Assert.Equal((Tasks, 0L), (Measure(host, "workqueue.outbox.tasks", "waiting"), Measure(host, "workqueue.outbox.tasks", "set_aside")));
        await queue.LoggedAsync("The outbox of Shop waits");
        Assert.All(await database.RowsAsync(), row => Assert.Equal((0, null), (row.Attempts, row.NextTryAt)));

        link.Accept();
        Stopwatch recovery = Stopwatch.StartNew();
        await database.EmptyAsync();
        recovery.Stop();
        await Eventually.HealthAsync(host, report => report.Entries["outbox-Shop"].Status == HealthStatus.Healthy, "it is well again");
        await queue.LoggedAsync("The outbox of Shop sends again");
        Balance balance = await queue.CloseAsync();
        report.Add("outbox: no broker while tasks are committed", balance, string.Create(CultureInfo.InvariantCulture, $"all sent: {recovery.Elapsed.TotalSeconds:0.0} s after it is back"));
        Assert.Equal(0, balance.Duplicates);
    }

    private static async Task EnqueueAsync(FaultQueue queue, IHost host, int count)
    {
        await using AsyncServiceScope scope = host.Services.CreateAsyncScope();
        Shop shop = scope.ServiceProvider.GetRequiredService<Shop>();
        string[] ids = [.. Enumerable.Range(0, count).Select(number => shop.Enqueue(FaultQueue.Probe(number)))];
        await shop.SaveChangesAsync();
        Array.ForEach(ids, queue.Ledger.Confirm);
    }

    private static long? Measure(IHost host, string name, string state)
    {
        long? found = null;
        Meter meter = host.Services.GetRequiredService<WorkQueueTelemetry>().Meter;
        using MeterListener listener = new();
        listener.InstrumentPublished = (instrument, listening) =>
        {
            if (instrument.Meter == meter && instrument.Name == name)
            {
                listening.EnableMeasurementEvents(instrument);
            }
        };
        listener.SetMeasurementEventCallback<long>((_, value, tags, _) => found = tags.ToArray().Any(tag => state.Equals(tag.Value)) ? value : found);
        listener.Start();
        listener.RecordObservableInstruments();
        return found;
    }
}
