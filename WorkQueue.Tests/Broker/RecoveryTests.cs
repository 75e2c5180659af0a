using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What a worker notices and mends by itself.</summary>
[Collection(BrokerTests.Name)]
public sealed class RecoveryTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_worker_whose_queue_is_deleted_declares_it_again_and_goes_on()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync();
        await queue.Runs.NextAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.QueueDeleteAsync($"{queue.Prefix}.default");
        await Eventually.TrueAsync(() => queue.Logged.Any(line => line.Contains("the broker cancelled the consumer", StringComparison.Ordinal)), "the cancel is noticed");
        await Eventually.TrueAsync(
            async () =>
            {
                await using IChannel look = await queue.PlainChannelAsync();
                return await look.QueueDeclarePassiveAsync($"{queue.Prefix}.default").ContinueWith(found => found.IsCompletedSuccessfully && found.Result.ConsumerCount == 1, TaskScheduler.Default);
            },
            "the queue is back, with its consumer");
        await producer.ProbeAsync();
        await queue.Runs.NextAsync();
    }

    [BrokerFact]
    public async Task Programs_that_start_at_once_on_an_empty_broker_lose_no_connection_over_streams_that_are_still_made()
    {
        await Task.WhenAll(Enumerable.Range(0, 8).Select(async _ =>
        {
            await using TestQueue queue = new(broker);
            IHost[] hosts = await Task.WhenAll(Enumerable.Range(0, 3).Select(_ => queue.StartAsync(builder => builder.AddTaskQueue())));
            await Task.WhenAll(hosts.Select(host => host.Services.GetRequiredService<ITaskQueue>().EnqueueAsync(NewTask.Json("probe", "at once"))));
            Assert.DoesNotContain(queue.Logged, line => line.Contains("was lost", StringComparison.Ordinal));
        }));
    }

    [BrokerFact]
    public async Task A_slot_that_only_believes_it_consumes_is_rebuilt_when_tasks_wait()
    {
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("before");
        await queue.Runs.NextAsync();
        // Without waiting for an answer the broker forgets the consumer and the client is not told: a phantom.
        TaskConsumer consumer = await worker.ConsumerAsync();
        await consumer.Channel.BasicCancelAsync(consumer.ConsumerTags[0], noWait: true);
        await producer.ProbeAsync("after");
        await queue.Runs.NextAsync();
        Assert.Contains(queue.Logged, line => line.Contains("while tasks wait", StringComparison.Ordinal));
    }

    [BrokerFact]
    public async Task A_dead_letter_queue_that_was_deleted_is_declared_again_and_holds_up_no_task()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((text, _) => text == "bad" ? throw new TaskRejectedException("no") : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        await using (IChannel plain = await queue.PlainChannelAsync())
        {
            await plain.QueueDeleteAsync($"{queue.Prefix}.default.dead");
        }

        await producer.ProbeAsync("bad");
        await producer.ProbeAsync("good");
        await queue.Runs.NextAsync();
        await queue.Runs.NextAsync();
        Assert.Equal("no", (await queue.TakeAsync("default.dead")).Header("wq-reason"));
    }

    [BrokerFact]
    public async Task A_dead_letter_finds_its_queue_though_that_is_not_bound()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((_, _) => throw new TaskRejectedException("no"));
        ITaskQueue producer = await queue.ProducerAsync();
        await using (IChannel plain = await queue.PlainChannelAsync())
        {
            // As it is for a moment while another program declares it again.
            await plain.QueueUnbindAsync($"{queue.Prefix}.default.dead", $"{queue.Prefix}.dead", "default");
        }

        await producer.ProbeAsync("bad");
        Assert.Equal("no", (await queue.TakeAsync("default.dead")).Header("wq-reason"));
    }

    [BrokerFact]
    public async Task A_tasks_exchange_that_was_deleted_is_declared_again()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.ExchangeDeleteAsync($"{queue.Prefix}.tasks");
        await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => producer.ProbeAsync());
        await Eventually.TrueAsync(
            async () =>
            {
                Task enqueue = producer.ProbeAsync();
                await enqueue.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                return enqueue.IsCompletedSuccessfully;
            },
            "an enqueue is confirmed again");
    }

    [BrokerFact]
    public async Task When_the_connection_is_lost_every_slot_knows_at_once_whatever_another_ones_handler_does()
    {
        TaskCompletionSource<object?> never = new();
        await using TestQueue queue = new(broker, ("Worker:Concurrency", "3"), ("Worker:CancelGrace", "00:00:08"));
        IHost worker = await queue.WorkerAsync((text, _) => text == "deaf" ? never.Task : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("deaf");
        TaskContext deaf = await queue.Runs.NextAsync();
        TaskCompletionSource told = new();
        deaf.CancellationToken.Register(told.SetResult);
        IReadOnlyList<TaskSlot> slots = worker.Services.GetRequiredService<TaskWorkerService>().Slots;
        OpenConnection open = await worker.Services.GetRequiredKeyedService<SupervisedConnection>(ConnectionPurpose.Consume).WaitOpenAsync(default);
        Task closing = open.Connection.CloseAsync(320, "test", TimeSpan.FromSeconds(30), abort: true);
        await told.Task.WaitAsync(TimeSpan.FromSeconds(2));
        await producer.ProbeAsync("next");
        Assert.Equal(2, (await Task.WhenAll(queue.Runs.NextAsync(), queue.Runs.NextAsync())).Length);
        await Eventually.TrueAsync(() => slots.Count(slot => slot.IsConsuming) >= 2, "the idle slots consume again", TimeSpan.FromSeconds(6));
        never.SetResult(null);
        await closing.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    [BrokerFact]
    public async Task A_channel_the_broker_closes_is_opened_again_and_the_connection_stays()
    {
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("before");
        await queue.Runs.NextAsync();
        TaskConsumer consumer = await worker.ConsumerAsync();
        await consumer.Channel.BasicAckAsync(4711, multiple: false);
        await Eventually.TrueAsync(() => queue.Logged.Any(line => line.Contains("unknown delivery tag 4711", StringComparison.Ordinal)), "the close is noticed");
        await producer.ProbeAsync("after");
        await queue.Runs.NextAsync();
        Assert.False(queue.Logged.Any(line => line.Contains(" was lost", StringComparison.Ordinal)), string.Join('\n', queue.Logged));
    }
}
