using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Tasks that fail, and where they end.</summary>
[Collection(BrokerTests.Name)]
public sealed class FailedTaskTests(BrokerFixture broker)
{
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
        Assert.Equal(("failed 3 of 3 attempts", "boom", "System.InvalidOperationException"), (letter.Header("wq-reason"), letter.Header("wq-error"), letter.Header("wq-error-type")));
    }

    [BrokerFact]
    public async Task A_rejected_task_is_dead_lettered_without_a_second_attempt()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((_, _) => throw new TaskRejectedException("no such customer"));
        await (await queue.ProducerAsync()).ProbeAsync();
        Assert.Equal("no such customer", (await queue.TakeAsync("default.dead")).Header("wq-reason"));
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
    public async Task A_task_nobody_handles_is_dead_lettered_with_that_reason_at_once_where_it_has_no_grace()
    {
        await using TestQueue queue = new(broker, ("Worker:UnknownTypeGrace", "00:00:00"));
        await queue.WorkerAsync();
        await (await queue.ProducerAsync()).EnqueueAsync("resize", new { width = 1 });
        Assert.Equal("no handler for type resize", (await queue.TakeAsync("default.dead")).Header("wq-reason"));
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
            "unreadable envelope: header wq-attempt is not a positive integer: 'first'", (await queue.TakeAsync("default.dead")).Header("wq-reason"));
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
        Assert.Equal("failed 2 of 2 attempts", (await queue.TakeAsync("default.dead")).Header("wq-reason"));
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
    public async Task A_handler_that_blocks_its_thread_is_cut_at_its_timeout_too()
    {
        using ManualResetEventSlim released = new();
        await using TestQueue queue = new(broker, ("Types:probe:Timeout", "00:00:00.2"), ("Types:probe:RetryDelays:0", "01:00:00"), ("Worker:CancelGrace", "00:00:00.1"));
        await queue.WorkerAsync((text, _) =>
        {
            if (text == "blocks")
            {
                released.Wait();
            }

            return Task.FromResult<object?>(null);
        });
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("blocks");
        await producer.ProbeAsync("next");
        await queue.Runs.NextAsync();
        Assert.Equal("next", (await queue.Runs.NextAsync(), queue.Runs.All.Last().Text).Text);
        released.Set();
    }

    [BrokerFact]
    public async Task What_a_handler_throws_while_it_is_cancelled_ends_its_attempt_and_not_the_worker()
    {
        await using TestQueue queue = new(broker, ("Types:probe:Timeout", "00:00:00.2"), ("Types:probe:RetryDelays:0", "00:00:00.250"));
        await queue.WorkerAsync(async (_, context) =>
        {
            await using CancellationTokenRegistration broken = context.CancellationToken.Register(() => throw new InvalidOperationException("The process has ended."));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
            return null;
        });
        await (await queue.ProducerAsync()).ProbeAsync();
        Assert.Contains("longer than", (await queue.TakeAsync("default.dead")).Header("wq-error"), StringComparison.Ordinal);
    }
}
