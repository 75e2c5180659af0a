using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

[Collection(BrokerTests.Name)]
public sealed class WorkerTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_task_runs_once_and_leaves_nothing_in_its_queue()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask task = await producer.ProbeAsync("hello");
        IHost worker = await queue.WorkerAsync();
        TaskContext run = await queue.Runs.NextAsync();
        await worker.StopAsync();
        Assert.Equal((task.Id, "probe", "default", 1, false), (run.Id, run.Type, run.Queue, run.Attempt, run.Redelivered));
        Assert.Equal(TaskState.Queued, task.State);
        Assert.Equal("hello", Assert.Single(queue.Runs.All).Text);
        Assert.Equal(0u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task A_busy_worker_holds_no_second_task()
    {
        TaskCompletionSource<object?> finish = new();
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((_, _) => finish.Task);
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync();
        await queue.Runs.NextAsync();
        await producer.ProbeAsync();
        await producer.ProbeAsync();
        Assert.Equal(2u, await queue.ReadyAsync());
        finish.SetResult(null);
        await queue.Runs.NextAsync();
        await queue.Runs.NextAsync();
    }

    [BrokerFact]
    public async Task Each_slot_of_a_worker_runs_a_task_of_its_own()
    {
        TaskCompletionSource<object?> finish = new();
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((_, _) => finish.Task, ("Worker:Concurrency", "3"));
        ITaskQueue producer = await queue.ProducerAsync();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => producer.ProbeAsync()));
        for (int i = 0; i < 3; i++)
        {
            await queue.Runs.NextAsync();
        }

        Assert.Equal(1u, await queue.ReadyAsync());
        finish.SetResult(null);
        await queue.Runs.NextAsync();
    }

    [BrokerFact]
    public async Task A_task_that_fails_every_attempt_waits_between_them_and_ends_as_a_dead_letter()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.250"), ("Retry:Delays:1", "00:00:00.500"), ("Retry:Jitter", "0"));
        long start = TimeProvider.System.GetTimestamp();
        await queue.WorkerAsync((_, _) => throw new InvalidOperationException("boom"));
        EnqueuedTask task = await (await queue.ProducerAsync()).ProbeAsync();
        BasicGetResult letter = await queue.TakeAsync("default.dead");
        Assert.Equal([1, 2, 3], queue.Runs.All.Select(run => run.Context.Attempt));
        Assert.All(queue.Runs.All, run => Assert.Equal(task.Id, run.Context.Id));
        Assert.True(TimeProvider.System.GetElapsedTime(start) > TimeSpan.FromMilliseconds(750));
        Assert.Equal(task.Id, letter.BasicProperties.MessageId);
        Assert.Equal(("failed 3 of 3 attempts", "boom", "System.InvalidOperationException"), (Header(letter, "wq-reason"), Header(letter, "wq-error"), Header(letter, "wq-error-type")));
    }

    [BrokerFact]
    public async Task A_rejected_task_is_dead_lettered_without_a_second_attempt()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((_, _) => throw new TaskRejectedException("no such customer"));
        await (await queue.ProducerAsync()).ProbeAsync();
        Assert.Equal("no such customer", Header(await queue.TakeAsync("default.dead"), "wq-reason"));
        Assert.Single(queue.Runs.All);
    }

    [BrokerFact]
    public async Task A_handler_can_choose_the_delay_of_the_next_attempt()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "01:00:00"));
        await queue.WorkerAsync((_, context) => context.Attempt == 1
            ? throw new TaskRetryException("busy", TimeSpan.FromMilliseconds(300))
            : Task.FromResult<object?>(null));
        await (await queue.ProducerAsync()).ProbeAsync();
        await queue.Runs.NextAsync();
        Assert.Equal(2, (await queue.Runs.NextAsync()).Attempt);
    }

    [BrokerFact]
    public async Task A_task_nobody_handles_is_dead_lettered_with_that_reason()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        await (await queue.ProducerAsync()).EnqueueAsync("resize", new { width = 1 });
        Assert.Equal("no handler for type resize", Header(await queue.TakeAsync("default.dead"), "wq-reason"));
    }

    [BrokerFact]
    public async Task An_unreadable_envelope_is_dead_lettered_and_never_run()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        await (await queue.ProducerAsync()).ProbeAsync("readable");
        await queue.Runs.NextAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        BasicProperties properties = new() { Type = "probe", Headers = new Dictionary<string, object?> { ["wq-attempt"] = "first" } };
        await plain.BasicPublishAsync($"{queue.Prefix}.tasks", "default", true, properties, "\"x\""u8.ToArray());
        Assert.Equal(
            "unreadable envelope: header wq-attempt is not a positive integer: 'first'", Header(await queue.TakeAsync("default.dead"), "wq-reason"));
        Assert.Single(queue.Runs.All);
    }

    [BrokerFact]
    public async Task A_task_longer_than_its_timeout_is_cancelled_and_counts_as_a_failed_attempt()
    {
        await using TestQueue queue = new(broker, ("Types:probe:Timeout", "00:00:00.2"), ("Types:probe:RetryDelays:0", "00:00:00.250"));
        await queue.WorkerAsync(async (_, context) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
            return null;
        });
        await (await queue.ProducerAsync()).ProbeAsync();
        Assert.Equal("failed 2 of 2 attempts", Header(await queue.TakeAsync("default.dead"), "wq-reason"));
        Assert.Equal(2, queue.Runs.All.Count);
    }

    [BrokerFact]
    public async Task A_handler_that_ignores_its_token_is_reported_and_does_not_hold_up_the_next_task()
    {
        TaskCompletionSource<object?> never = new();
        await using TestQueue queue = new(broker, ("Types:probe:Timeout", "00:00:00.2"), ("Types:probe:RetryDelays:0", "01:00:00"), ("Worker:CancelGrace", "00:00:00.1"));
        await queue.WorkerAsync((text, _) => text == "deaf" ? never.Task : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("deaf");
        await producer.ProbeAsync("next");
        await queue.Runs.NextAsync();
        await queue.Runs.NextAsync();
        Assert.Contains(queue.Logged, line => line.Contains("goes on 00:00:00.1000000 after it was told to stop", StringComparison.Ordinal));
        never.SetResult(null);
    }

    [BrokerFact]
    public async Task A_stopping_worker_finishes_its_task()
    {
        TaskCompletionSource<object?> finish = new();
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync((_, _) => finish.Task);
        await (await queue.ProducerAsync()).ProbeAsync();
        await queue.Runs.NextAsync();
        Task stopping = worker.StopAsync();
        finish.SetResult(null);
        await stopping.WaitAsync(TestEnvironment.Patience);
        Assert.Equal(0u, await queue.ReadyAsync());
        Assert.Single(queue.Runs.All);
    }

    [BrokerFact]
    public async Task A_task_a_stop_interrupts_goes_back_and_counts_neither_as_an_attempt_nor_as_a_delivery()
    {
        await using TestQueue queue = new(broker, ("Worker:DrainTimeout", "00:00:00.1"));
        for (int stop = 0; stop < 3; stop++)
        {
            IHost worker = await queue.WorkerAsync(async (_, context) =>
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
                return null;
            });
            if (stop == 0)
            {
                await (await queue.ProducerAsync()).ProbeAsync();
            }

            TaskContext run = await queue.Runs.NextAsync();
            Assert.Equal((1, false), (run.Attempt, run.Redelivered));
            await worker.StopAsync();
            Assert.Equal(1u, await queue.ReadyAsync());
        }

        BasicGetResult task = await queue.TakeAsync("default");
        Assert.Equal(0L, Convert.ToInt64(task.BasicProperties.Headers!.TryGetValue("x-delivery-count", out object? count) ? count : 0, null));
    }

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
    public async Task A_slot_that_only_believes_it_consumes_is_rebuilt_when_tasks_wait()
    {
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("before");
        await queue.Runs.NextAsync();
        // Without waiting for an answer the broker forgets the consumer and the client is not told: a phantom.
        TaskConsumer consumer = worker.Services.GetRequiredService<TaskWorkerService>().Slots[0].Consumer!;
        await consumer.Channel.BasicCancelAsync(consumer.ConsumerTags[0], noWait: true);
        await producer.ProbeAsync("after");
        await queue.Runs.NextAsync();
        Assert.Contains(queue.Logged, line => line.Contains("beside this idle slot", StringComparison.Ordinal));
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
        Assert.Equal("no", Header(await queue.TakeAsync("default.dead"), "wq-reason"));
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
    public async Task An_id_of_no_sensible_time_does_not_stop_the_worker()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.EnqueueAsync(NewTask.Json("probe", "x") with { Id = "ffffffff-ffff-7fff-bfff-ffffffffffff" });
        await queue.Runs.NextAsync();
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
        TaskConsumer consumer = worker.Services.GetRequiredService<TaskWorkerService>().Slots[0].Consumer!;
        await consumer.Channel.BasicAckAsync(4711, multiple: false);
        await Eventually.TrueAsync(() => queue.Logged.Any(line => line.Contains("unknown delivery tag 4711", StringComparison.Ordinal)), "the close is noticed");
        await producer.ProbeAsync("after");
        await queue.Runs.NextAsync();
        Assert.False(queue.Logged.Any(line => line.Contains(" was lost", StringComparison.Ordinal)), string.Join('\n', queue.Logged));
    }

    private static string? Header(BasicGetResult message, string name) =>
        message.BasicProperties.Headers!.TryGetValue(name, out object? value) && value is byte[] text ? System.Text.Encoding.UTF8.GetString(text) : null;
}
