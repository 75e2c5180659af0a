using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>The life of a task in a worker.</summary>
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
    public async Task Workers_that_stop_between_short_tasks_have_none_of_them_delivered_twice()
    {
        const int Stops = 6, Tasks = 2_000;
        await using TestQueue queue = new(broker, ("History", "Off"), ("Worker:Concurrency", "4"));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.EnqueueManyAsync([.. Enumerable.Range(0, Tasks).Select(number => NewTask.Json("probe", $"{number}"))]);
        for (int stop = 1; stop <= Stops; stop++)
        {
            IHost worker = await queue.WorkerAsync();
            await Eventually.TrueAsync(() => queue.Runs.All.Count >= stop * 200, "it is at work");
            await worker.StopAsync();
        }

        await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Runs.All.Count == Tasks, "all have run");
        Assert.Equal(0, queue.Runs.All.Count(run => run.Context.Redelivered));
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
    public async Task A_type_that_is_listed_and_has_no_handler_here_is_said_at_the_start_and_told_with_those_that_have_one()
    {
        await using TestQueue queue = new(broker, ("Types:probe:Queue", "default"), ("Types:resize:Queue", "default"), ("Types:elsewhere:Queue", "other"), ("Queues:other:Type", "quorum"));
        await queue.ProducerAsync();
        IWorkerDirectory workers = queue.Last.Services.GetRequiredService<IWorkerDirectory>();
        await queue.WorkerAsync();
        await queue.LoggedAsync("Task type resize is in the settings (WorkQueue:Types, or a DefaultType) and has no handler in this worker, which takes from its queue default");
        Assert.Equal(2, queue.Logged.Count(line => line.Contains("has no handler in this worker", StringComparison.Ordinal)));
        await Eventually.TrueAsync(() => workers.Current.Count == 1, "it is heard of");
        Assert.Equal(["probe"], workers.Current[0].Types);
    }

    [BrokerFact]
    public async Task A_stop_beside_handlers_that_block_their_threads_ends_in_its_time_and_starts_none_of_them_again()
    {
        const int Slots = 32;
        await using TestQueue queue = new(broker, ("Worker:DrainTimeout", "00:00:03"), ("Worker:Concurrency", $"{Slots}"));
        using ManualResetEventSlim end = new();
        IHost worker = await queue.StartAsync(builder =>
        {
            builder.AddTaskWorker();
            builder.AddTaskHandler("probe", (string text, TaskContext context) =>
            {
                queue.Runs.Add(text, context);
                end.Wait(CancellationToken.None);
                return Task.CompletedTask;
            });
            builder.Services.Configure<HealthCheckPublisherOptions>(publish => publish.Delay = publish.Period = TimeSpan.FromSeconds(1));
        });
        ITaskQueue producer = await queue.ProducerAsync();
        foreach (int number in Enumerable.Range(0, Slots))
        {
            await producer.ProbeAsync($"{number}");
        }

        await Eventually.TrueAsync(() => queue.Runs.All.Count == Slots, "all run");
        int before = queue.Logged.Count;
        long start = TimeProvider.System.GetTimestamp();
        await worker.StopAsync();
        // The time to drain, a second for the deaf, and what it takes to give them back.
        Assert.InRange(TimeProvider.System.GetElapsedTime(start), TimeSpan.FromSeconds(3), TimeSpan.FromSeconds(8));
        Assert.Equal((uint)Slots, await queue.ReadyAsync());
        Assert.Equal(Slots, queue.Runs.All.Count);
        Assert.DoesNotContain(queue.Logged.Skip(before), line => line.Contains("goes on trying", StringComparison.Ordinal));
        end.Set();
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
            // An earlier run may have got anywhere: the handler is told.
            Assert.Equal((1, stop > 0), (run.Attempt, run.Redelivered));
            await worker.StopAsync();
            Assert.Equal(1u, await queue.ReadyAsync());
        }

        BasicGetResult task = await queue.TakeAsync("default");
        Assert.Equal(0L, Convert.ToInt64(task.BasicProperties.Headers!.TryGetValue("x-delivery-count", out object? count) ? count : 0, null));
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
    public async Task A_task_without_an_id_whose_connection_is_lost_runs_again_as_another_and_the_first_is_told_to_have_ended()
    {
        await using TestQueue queue = new(broker, ("Worker:DrainTimeout", "00:00:00.1"));
        await queue.ProducerAsync();
        ITaskHistory history = queue.Last.Services.GetRequiredService<ITaskHistory>();
        IHost worker = await queue.WorkerAsync(async (_, context) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
            return null;
        });
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", true, new BasicProperties { Type = "probe", AppId = "plain", Priority = 3 }, "\"x\""u8.ToArray());
        TaskContext first = await queue.Runs.NextAsync();
        OpenConnection open = await worker.Services.GetRequiredKeyedService<SupervisedConnection>(ConnectionPurpose.Consume).WaitOpenAsync(default);
        await open.Connection.CloseAsync(320, "test", TimeSpan.FromSeconds(5), abort: true);
        TaskContext second = await queue.Runs.NextAsync();
        Assert.NotEqual(first.Id, second.Id);
        Assert.Equal(1, second.Attempt);
        await worker.StopAsync();
        IReadOnlyBasicProperties kept = (await queue.TakeAsync("default")).BasicProperties;
        Assert.Equal((second.Id, "plain", (byte)3), (kept.MessageId, kept.AppId, kept.Priority));
        await foreach (IReadOnlyList<HistoryRecord> group in history.FollowAsync(null, new CancellationTokenSource(TestEnvironment.Patience).Token))
        {
            if (group.Any(record => record.TaskId == first.Id && record.State == TaskState.Cancelled))
            {
                break;
            }
        }
    }
}
