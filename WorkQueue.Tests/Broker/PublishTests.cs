using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

[Collection(BrokerTests.Name)]
public sealed class PublishTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task What_is_enqueued_is_persistent_and_follows_the_wire_contract()
    {
        await using TestQueue queue = new(broker);
        EnqueuedTask task = await (await queue.ProducerAsync()).EnqueueAsync(NewTask.Text("First message."));
        BasicGetResult message = await queue.TakeAsync("default");
        IReadOnlyBasicProperties properties = message.BasicProperties;
        Assert.Equal(
            (task.Id, "simulate", DeliveryModes.Persistent, "text/plain"), (properties.MessageId, properties.Type, properties.DeliveryMode, properties.ContentType));
        Assert.Equal(1, properties.Headers!["wq-attempt"]);
        Assert.Equal("First message."u8.ToArray(), message.Body.ToArray());
    }

    [BrokerFact]
    public async Task An_enqueue_for_a_queue_that_is_gone_is_returned_not_lost()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.QueueDeleteAsync($"{queue.Prefix}.default");
        // With the history bound beside the queue the broker itself would confirm; who asks it does not ask every time.
        TaskNotEnqueuedException? refusal = null;
        await Eventually.TrueAsync(
            async () =>
            {
                Task<EnqueuedTask> enqueue = producer.ProbeAsync();
                await ((Task)enqueue).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                refusal = enqueue.Exception?.InnerException as TaskNotEnqueuedException;
                return refusal is not null;
            },
            "the queue is missed");
        Assert.Equal(PublishOutcome.Returned, refusal!.Outcome);
    }

    [BrokerFact]
    public async Task Without_a_history_beside_it_a_queue_that_is_gone_is_missed_at_once()
    {
        await using TestQueue queue = new(broker, ("HistoryPayloads", "false"));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.QueueDeleteAsync($"{queue.Prefix}.default");
        TaskNotEnqueuedException refusal = await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => producer.ProbeAsync());
        Assert.Equal(PublishOutcome.Returned, refusal.Outcome);
    }

    [BrokerFact]
    public async Task A_thousand_concurrent_enqueues_are_all_confirmed_and_all_there()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask[] tasks = await Task.WhenAll(Enumerable.Range(0, 1000).Select(_ => producer.ProbeAsync()));
        Assert.Equal(1000, tasks.Select(task => task.Id).Distinct().Count());
        Assert.Equal(1000u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task Of_many_tasks_each_gets_its_own_answer_in_order()
    {
        await using TestQueue queue = new(broker, ("Types:probe:Queue", "default"));
        ITaskQueue producer = await queue.ProducerAsync();
        NewTask[] tasks = [.. Enumerable.Range(0, 2000).Select(number => NewTask.Json(number % 100 == 7 ? "resize" : "probe", number) with { Id = $"{number}" })];
        IReadOnlyList<EnqueueResult> results = await producer.EnqueueManyAsync(tasks);
        Assert.Equal(tasks.Length, results.Count);
        Assert.All(results.Index(), result => Assert.Equal(
            result.Index % 100 == 7 ? null : $"{result.Index}", result.Item.Task?.Id));
        Assert.Equal(20, results.Count(result => result.Error is InvalidTaskException { Reason: InvalidTaskReason.UnknownType }));
        Assert.Equal(1980u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task A_stream_of_tasks_tells_of_each_what_became_of_it()
    {
        await using TestQueue queue = new(broker, ("Types:probe:Queue", "default"));
        ITaskQueue producer = await queue.ProducerAsync();
        Dictionary<string, EnqueueResult> results = [];
        await foreach (EnqueueResult result in producer.EnqueueAllAsync(TasksAsync(2000)))
        {
            results.Add(result.Given.Id!, result);
        }

        Assert.Equal(2000, results.Count);
        Assert.All(results.Values, result => Assert.Equal(result.Given.Type == "resize" ? null : result.Given.Id, result.Task?.Id));
        Assert.Equal(20, results.Values.Count(result => result.Error is InvalidTaskException { Reason: InvalidTaskReason.UnknownType }));
        Assert.Equal(1980u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task A_stream_whose_outcomes_are_not_read_takes_no_more_tasks_than_the_window_and_leaving_it_stops_it()
    {
        await using TestQueue queue = new(broker, ("PublishWindow", "10"));
        ITaskQueue producer = await queue.ProducerAsync();
        int given = 0;
        await foreach (EnqueueResult first in producer.EnqueueAllAsync(TasksAsync(2000, () => given++)))
        {
            Assert.NotNull(first.Task);
            // As many as fit have been confirmed and wait to be read; as many again wait for room.
            await Eventually.TrueAsync(async () => await queue.ReadyAsync() >= 20, "what may be taken is enqueued");
            break;
        }

        Assert.InRange(given, 20, 23);
        Assert.InRange(await queue.ReadyAsync(), 20u, 23u);
    }

    [BrokerFact]
    public async Task What_the_source_of_a_stream_throws_reaches_the_reader_of_its_outcomes()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        int read = 0;
        await Assert.ThrowsAsync<InvalidDataException>(async () =>
        {
            await foreach (EnqueueResult _ in producer.EnqueueAllAsync(TasksAsync(50, () => read++ == 40 ? throw new InvalidDataException("line 41") : 0)))
            {
            }
        });
        Assert.InRange(await queue.ReadyAsync(), 1u, 40u);
    }

    private static async IAsyncEnumerable<NewTask> TasksAsync(int count, Func<int>? onNext = null)
    {
        for (int number = 0; number < count; number++)
        {
            await Task.Yield();
            onNext?.Invoke();
            yield return NewTask.Json(number % 100 == 7 && onNext is null ? "resize" : "probe", number) with { Id = $"{number}" };
        }
    }

    [BrokerFact]
    public async Task Callers_that_stop_waiting_do_no_harm_to_the_others()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync();
        Task[] enqueues = [.. Enumerable.Range(0, 900).Select(async number =>
        {
            using CancellationTokenSource impatient = new();
            Task enqueue = producer.EnqueueAsync(NewTask.Json("probe", "x"), impatient.Token);
            if (number % 3 == 0)
            {
                await impatient.CancelAsync();
                await enqueue.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            else
            {
                await enqueue;
            }
        })];
        await Task.WhenAll(enqueues);
        Assert.InRange(await queue.ReadyAsync(), 601u, 901u);
        await producer.ProbeAsync();
    }

    [BrokerFact]
    public async Task A_delayed_task_runs_when_it_is_due_and_a_later_shorter_one_overtakes_it()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        EnqueuedTask late = await producer.ProbeAsync("late", now.AddSeconds(3.25));
        EnqueuedTask soon = await producer.ProbeAsync("soon", now.AddSeconds(1.5));
        Assert.Equal((TaskState.Scheduled, TaskState.Scheduled), (late.State, soon.State));
        Assert.Equal(soon.Id, (await queue.Runs.NextAsync()).Id);
        // Never early; how late, a busy machine has a say in.
        Assert.InRange(TimeProvider.System.GetUtcNow(), now.AddSeconds(1.5), now.AddSeconds(1.5 + 5));
        Assert.Equal(late.Id, (await queue.Runs.NextAsync()).Id);
        Assert.InRange(TimeProvider.System.GetUtcNow(), now.AddSeconds(3.25), now.AddSeconds(3.25 + 5));
    }

    [BrokerFact]
    public async Task Without_a_broker_an_enqueue_fails_soon_and_says_nothing_was_sent()
    {
        await using TestQueue queue = new(broker);
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration["ConnectionStrings:rabbitmq"] = $"amqp://127.0.0.1:{TestEnvironment.FreePort()}";
        builder.AddTaskQueue();
        using IHost host = builder.Build();
        await host.StartAsync();
        TaskNotEnqueuedException failure = await Assert.ThrowsAsync<TaskNotEnqueuedException>(
            () => host.Services.GetRequiredService<ITaskQueue>().ProbeAsync().WaitAsync(TestEnvironment.Patience));
        Assert.Equal(PublishOutcome.Unavailable, failure.Outcome);
        HealthReport health = await host.Services.GetRequiredService<HealthCheckService>().CheckHealthAsync();
        Assert.Equal(HealthStatus.Unhealthy, health.Entries["rabbitmq"].Status);
        await host.StopAsync();
        await queue.ProducerAsync();
    }
}
