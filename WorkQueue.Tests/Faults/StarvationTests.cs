using System.Globalization;
using Microsoft.Extensions.Hosting;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>What handlers and other machines do to a worker's connection.</summary>
[Collection(FaultSuite.Name)]
public sealed class StarvationTests(FaultBroker broker, FaultReport report)
{
    [FaultFact(Timeout = 120_000)]
    public async Task Handlers_that_block_their_threads_cost_no_connection()
    {
        const int Slots = 64;
        await using FaultQueue queue = await FaultQueue.CreateAsync(
            broker, ("Worker:Concurrency", Slots.ToString(CultureInfo.InvariantCulture)), ("Heartbeat", "00:00:04"));
        using ManualResetEventSlim end = new();
        await queue.WorkerAsync((_, _) =>
        {
            end.Wait(CancellationToken.None);
            return Task.CompletedTask;
        });
        await queue.EnqueueAsync(await queue.ProducerAsync(), Slots);
        // All at once, which they are only if each has a thread; then long enough for three heartbeats to be missed.
        await Eventually.TrueAsync(() => queue.Ledger.MostAtOnce == Slots, "all run");
        using (PeriodicTimer silence = new(TimeSpan.FromSeconds(14)))
        {
            await silence.WaitForNextTickAsync();
        }

        end.Set();
        await queue.AllDoneAsync();
        Assert.DoesNotContain(queue.Logged, line => line.Contains("was lost", StringComparison.Ordinal));
        Balance balance = await queue.CloseAsync();
        Assert.Equal(0, balance.Duplicates);
        report.Add("64 handlers that block their threads for 14 s", balance, "no connection is lost");
    }

    [FaultFact(Timeout = 120_000)]
    public async Task A_node_that_takes_connections_and_says_nothing_costs_seconds()
    {
        await broker.EnsureRunningAsync();
        await using TcpProxy dark = new(broker.Port);
        dark.Stall();
        string both = string.Create(CultureInfo.InvariantCulture, $"amqp://tests:tests@127.0.0.1:{dark.Port},127.0.0.1:{broker.Port}");
        await using FaultQueue queue = new(broker, both);
        long start = TimeProvider.System.GetTimestamp();
        // Each tries its nodes in an order of its own: some begin with the dark one.
        IHost[] workers = await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => queue.WorkerAsync()));
        await queue.LoggedAsync("Connected to RabbitMQ", 2 * workers.Length);
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.Zero, TimeSpan.FromSeconds(20));
        await queue.EnqueueAsync(await queue.ProducerAsync(), 10);
        await queue.AllDoneAsync();
        report.Add("a node that takes connections and says nothing", await queue.CloseAsync(), "the others are used");
    }
}
