using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The broker takes a task back that was not acknowledged in its time, which each version limits in another way (docs/compatibility.md).</summary>
[Collection(SideFaults.Name)]
public sealed class ConsumerTimeoutTests(FaultBroker broker, FaultReport report)
{
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(3);

    // From it on the limit is each consumer's own, and classic queues have none.
    private static readonly Version PerConsumer = new(4, 3);

    [FaultFact(Timeout = 90_000)]
    public async Task A_task_a_classic_queue_takes_back_for_its_age_runs_again_on_a_new_channel_of_the_same_connection()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Queues:default:Type", "Classic"));
        if (await queue.BrokerVersionAsync() >= PerConsumer)
        {
            await RunsOnAsync(queue);
        }
        else
        {
            await RunsAgainAsync(queue, "classic");
        }
    }

    [FaultFact(Timeout = 90_000)]
    public async Task A_task_a_quorum_queue_takes_back_for_its_age_runs_again_on_a_new_channel_of_the_same_connection()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        await RunsAgainAsync(queue, "quorum");
    }

    [FaultFact(Timeout = 90_000)]
    public async Task A_task_a_classic_queue_takes_back_each_time_is_dead_lettered_after_its_delivery_limit()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Queues:default:Type", "Classic"), ("Queues:default:DeliveryLimit", "2"));
        if (await queue.BrokerVersionAsync() >= PerConsumer)
        {
            // It takes none back.
            return;
        }

        await LimitAsync(Limit);
        try
        {
            await queue.WorkerAsync((_, context) => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken), Impatient);
            await queue.EnqueueAsync(await queue.ProducerAsync(Impatient), 1);
            await Eventually.EqualAsync(1, async () => await queue.DeadAsync(), "it is a dead letter");
        }
        finally
        {
            await LimitAsync(TimeSpan.FromMinutes(30));
        }

        Assert.Equal(2, queue.Runs.All.Count);
    }

    [FaultFact(Timeout = 90_000)]
    public async Task What_shares_a_channel_with_a_task_that_is_taken_back_for_its_age_runs_to_its_end_and_is_blamed_for_nothing()
    {
        // With one death a neighbour that is cut would be a dead letter, and never done.
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Worker:Concurrency", "2"), ("Queues:default:DeliveryLimit", "1"));
        TaskCompletionSource old = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await LimitAsync(Limit);
        try
        {
            IHost worker = await queue.WorkerAsync((text, context) => text == "0" ? old.Task : Task.Delay(Limit / 2, TimeProvider.System, context.CancellationToken), Impatient);
            TaskWorkerService slots = worker.Services.GetRequiredService<TaskWorkerService>();
            await Eventually.TrueAsync(() => slots.Slots is [{ Consumer: not null }, { Consumer: not null }], "both slots consume");
            Assert.Same(slots.Slots[0].Consumer!.Channel, slots.Slots[1].Consumer!.Channel);
            ITaskQueue producer = await queue.ProducerAsync(Impatient);
            await queue.EnqueueAsync(producer, FaultQueue.Probe(0));
            TaskContext first = await queue.Runs.NextAsync();
            for (int i = 1; !first.CancellationToken.IsCancellationRequested; i++)
            {
                await queue.EnqueueAsync(producer, FaultQueue.Probe(i));
                await queue.Runs.NextAsync();
            }

            old.SetResult();
            await queue.AllDoneAsync();
        }
        finally
        {
            await LimitAsync(TimeSpan.FromMinutes(30));
        }

        report.Add("task beside one taken back for its age (consumer timeout)", await queue.CloseAsync(), "no neighbour blamed");
    }

    [FaultFact(Timeout = 90_000)]
    public async Task A_redrive_that_takes_longer_than_the_broker_lets_a_letter_be_held_moves_all_that_fit()
    {
        const int Count = 8;
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        await queue.ProducerAsync(Impatient);
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        await queue.LoggedAsync("Connected to RabbitMQ", times: 2);
        await using (IConnection connection = await queue.ConnectAsync())
        {
            await using IChannel plain = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true));
            foreach (string type in (string[])["stays", .. Enumerable.Repeat("moves", Count)])
            {
                BasicProperties properties = new() { MessageId = Guid.NewGuid().ToString(), Type = type };
                await plain.BasicPublishAsync($"{queue.Prefix}.dead", "default", true, properties, "{}"u8.ToArray());
            }
        }

        await Eventually.EqualAsync(Count + 1, async () => await letters.CountAsync(new DeadLetterFilter()), "all are there");
        await LimitAsync(Limit);
        try
        {
            Assert.Equal(Count, await letters.RedriveAsync(new DeadLetterFilter { Type = "moves", PerSecond = 1 }));
        }
        finally
        {
            await LimitAsync(TimeSpan.FromMinutes(30));
        }

        Assert.Equal((uint)Count, await queue.ReadyAsync());
        Assert.Equal("stays", Assert.Single(await letters.ListAsync(new DeadLetterFilter())).Type);
    }

    private async Task RunsAgainAsync(FaultQueue queue, string type)
    {
        TaskCompletionSource deaf = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await LimitAsync(Limit);
        // Not told by the redelivered flag: from 4.3 the broker does not count this as a failed delivery.
        int runs = 0;
        await queue.WorkerAsync((_, _) => Interlocked.Increment(ref runs) == 1 ? deaf.Task : Task.CompletedTask, Impatient);
        ITaskQueue producer = await queue.ProducerAsync(Impatient);
        await queue.EnqueueAsync(producer, 1);
        TaskContext first = await queue.Runs.NextAsync();
        await Eventually.EqualAsync(1, async () => await queue.ReadyAsync(), "the broker has it back");
        await Eventually.TrueAsync(() => first.CancellationToken.IsCancellationRequested, "its handler is told");
        Stopwatch recovery = Stopwatch.StartNew();
        deaf.SetResult();
        await queue.Runs.NextAsync();
        recovery.Stop();
        await queue.AllDoneAsync();
        await queue.EnqueueAsync(producer, FaultQueue.Probe(1));
        await queue.Runs.NextAsync();
        await queue.AllDoneAsync();
        await LimitAsync(TimeSpan.FromMinutes(30));
        Assert.DoesNotContain(queue.Logged, line => line.Contains(" was lost", StringComparison.Ordinal));
        Assert.Equal(1, queue.Ledger.MostAtOnce);
        report.Add($"task taken back for its age (consumer timeout, {type} queue)", await queue.CloseAsync(), Seconds("running again", recovery));
    }

    private async Task RunsOnAsync(FaultQueue queue)
    {
        await LimitAsync(Limit);
        await queue.WorkerAsync((_, _) => Task.Delay(3 * Limit, TimeProvider.System), Impatient);
        await queue.EnqueueAsync(await queue.ProducerAsync(Impatient), 1);
        await queue.AllDoneAsync();
        await LimitAsync(TimeSpan.FromMinutes(30));
        Balance balance = await queue.CloseAsync();
        Assert.Equal(0, balance.Duplicates);
        report.Add("task older than the consumer timeout, classic queue", balance, "not taken back: no limit on this version");
    }

    // The broker's own limit, which it looks after every minute unless told otherwise.
    private Task LimitAsync(TimeSpan limit) => broker.ControlAsync("eval", string.Create(
        CultureInfo.InvariantCulture,
        $"application:set_env(rabbit, channel_tick_interval, {Math.Min(limit.TotalMilliseconds, 60_000) * 2 / 3:0}), application:set_env(rabbit, consumer_timeout, {limit.TotalMilliseconds:0})."));

    // A limit shorter than the settings allow, on the queue and the consumer.
    private static void Impatient(IHostApplicationBuilder builder)
    {
        builder.Services.RemoveAll<IValidateOptions<WorkQueueOptions>>();
        builder.Services.PostConfigure<WorkQueueOptions>(options => options.BrokerConsumerTimeout = Limit);
    }

    private static string Seconds(string what, Stopwatch time) => string.Create(CultureInfo.InvariantCulture, $"{what}: {time.Elapsed.TotalSeconds:0.0} s");
}
