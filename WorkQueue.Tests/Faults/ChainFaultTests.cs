using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Workers and the broker die under chains.</summary>
[Collection(SideFaults.Name)]
public sealed class ChainFaultTests(FaultBroker broker, FaultReport report)
{
    private const int Length = 5;
    private const string Checks = "checks";

    private static readonly int Chains = FaultSuite.IsLong ? 500 : 150;

    private readonly ConcurrentDictionary<string, byte> _wrong = new(StringComparer.Ordinal);

    [FaultFact(Timeout = 300_000)]
    public async Task Killed_workers_and_a_broker_that_starts_again_leave_every_chain_complete_and_in_order()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ($"Queues:{Checks}:DeliveryLimit", "100"), ("ConfirmTimeout", "00:00:05"));
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync(CheckAsync, builder => builder.Configuration["WorkQueue:Worker:Queues"] = Checks);
        WorkerProcess[] workers = [Worker(queue), Worker(queue)];
        await Eventually.EqualAsync(4, async () => await queue.ConsumersAsync(), "4 consumers");
        Stopwatch whole = Stopwatch.StartNew();
        Task enqueueing = EnqueueAsync(queue, producer, sink);

        int calls = Chains * (Length - 1);
        await KillAsync(0, calls / 5);
        await KillAsync(1, calls * 2 / 5);
        await sink.ReachedAsync(calls * 3 / 5);
        await broker.KillAsync();
        await broker.StartAsync();
        await KillAsync(0, calls * 4 / 5);
        await enqueueing;
        await queue.AllDoneAsync(TimeSpan.FromSeconds(FaultSuite.IsLong ? 180 : 60));
        whole.Stop();
        foreach (WorkerProcess worker in workers)
        {
            await worker.StopAsync();
            await worker.DisposeAsync();
        }

        Balance balance = await queue.CloseAsync();
        await DeleteChecksAsync(queue);
        Assert.Empty(_wrong.Keys);
        Assert.Equal(Chains * Length, balance.Confirmed);
        report.Add(
            "three workers killed and the broker started again under chains of five", balance,
            string.Create(CultureInfo.InvariantCulture, $"{Chains} chains, each complete and in order, in {whole.Elapsed.TotalSeconds:0} s"));

        async Task KillAsync(int worker, int runs)
        {
            await sink.ReachedAsync(runs);
            await workers[worker].DisposeAsync();
            workers[worker] = Worker(queue);
        }
    }

    // Four calls by processes that are killed, and at the end a task here that looks at what they returned: each the id of its task.
    private static Task EnqueueAsync(FaultQueue queue, ITaskQueue producer, WebhookSink sink) => Parallel.ForEachAsync(
        Enumerable.Range(0, Chains),
        new ParallelOptions { MaxDegreeOfParallelism = 20 },
        async (number, _) =>
        {
            NewTask call = sink.Call() with { Id = null };
            NewTask last = FaultQueue.Probe(number) with { Id = null, Queue = Checks };
            NewTask first = sink.Call() with { Then = [.. Enumerable.Repeat(call, Length - 2), last] };
            await queue.EnqueueAsync(producer, first);
            TaskChain chain = new() { First = first.Id!, Place = 0 };
            foreach (int place in Enumerable.Range(1, Length - 1))
            {
                queue.Ledger.Confirm(chain.IdOf(place));
            }
        });

    private Task CheckAsync(string text, TaskContext context)
    {
        string?[] seen = [.. context.Previous.Select(result => result.GetProperty("body").GetString())];
        TaskChain chain = new() { First = seen[0]!, Place = 0 };
        if (!seen.SequenceEqual(Enumerable.Range(0, Length - 1).Select(chain.IdOf)) || context.Id != chain.IdOf(Length - 1))
        {
            _wrong.TryAdd($"{text}: {context.Id} after {string.Join(", ", seen)}", 0);
        }

        return Task.CompletedTask;
    }

    private WorkerProcess Worker(FaultQueue queue) => WorkerProcess.Start(
        broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", "2"), ($"Queues:{Checks}:DeliveryLimit", "100"));

    private static async Task DeleteChecksAsync(FaultQueue queue)
    {
        await using IConnection connection = await queue.ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        Assert.Equal((0u, 0u), (await channel.QueueDeleteAsync($"{queue.Prefix}.{Checks}"), await channel.QueueDeleteAsync($"{queue.Prefix}.{Checks}.dead")));
    }
}
