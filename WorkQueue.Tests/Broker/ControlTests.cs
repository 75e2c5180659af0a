using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What workers are told: to stop taking from a queue, to let a task be.</summary>
[Collection(BrokerTests.Name)]
public sealed class ControlTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_paused_queue_is_left_alone_by_workers_that_run_and_by_those_that_start_later()
    {
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        ITaskControl control = queue.Last.Services.GetRequiredService<ITaskControl>();
        await control.PauseAsync("default");
        await Eventually.TrueAsync(() => queue.Logged.Count(line => line.Contains("Queue default is paused", StringComparison.Ordinal)) == 2, "both processes know");
        await Eventually.EqualAsync(0, async () => await ConsumersAsync(queue), "no consumer");
        await producer.ProbeAsync("waits");
        IHost later = await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Logged.Count(line => line.Contains("Queue default is paused", StringComparison.Ordinal)) == 3, "the new one knows");
        await Eventually.HealthAsync(later, report => report.Status == HealthStatus.Healthy, "it is healthy");
        Assert.Equal(1u, await queue.ReadyAsync());
        Assert.Equal(["default"], control.PausedQueues);
        Assert.Empty(queue.Runs.All);

        await control.ResumeAsync("default");
        await queue.Runs.NextAsync();
        await worker.StopAsync();
        Assert.Empty(control.PausedQueues);
    }

    [BrokerFact]
    public async Task A_task_that_runs_when_its_queue_is_paused_finishes_and_the_next_waits()
    {
        TaskCompletionSource<object?> finish = new();
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync((_, _) => finish.Task);
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("first");
        await queue.Runs.NextAsync();
        ITaskControl control = queue.Last.Services.GetRequiredService<ITaskControl>();
        await control.PauseAsync("default");
        await producer.ProbeAsync("second");
        await Eventually.TrueAsync(() => queue.Logged.Count(line => line.Contains("Queue default is paused", StringComparison.Ordinal)) == 2, "both processes know");
        finish.SetResult(null);
        TaskSlot slot = worker.Services.GetRequiredService<TaskWorkerService>().Slots[0];
        await Eventually.TrueAsync(() => !slot.IsConsuming, "the slot takes no more");
        Assert.Equal(1u, await queue.ReadyAsync());
        await control.ResumeAsync("default");
        await queue.Runs.NextAsync();
        Assert.Equal(["first", "second"], queue.Runs.All.Select(run => run.Text));
        Assert.All(queue.Runs.All, run => Assert.False(run.Context.Redelivered));
    }

    [BrokerFact]
    public async Task A_pause_that_is_over_before_it_is_noticed_leaves_one_consumer()
    {
        const int Times = 10;
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync();
        await queue.ProducerAsync();
        ITaskControl control = queue.Last.Services.GetRequiredService<ITaskControl>();
        for (int time = 0; time < Times; time++)
        {
            await Task.WhenAll(control.PauseAsync("default"), control.ResumeAsync("default"));
            await control.ResumeAsync("default");
        }

        await Eventually.TrueAsync(() => control.PausedQueues.Count == 0, "it is resumed");
        TaskSlot slot = worker.Services.GetRequiredService<TaskWorkerService>().Slots[0];
        await Eventually.TrueAsync(async () => slot.IsConsuming && await ConsumersAsync(queue) == 1, "one consumer");
        // A second one would be given a task of its own beside the slot's.
        await queue.LoggedAsync("Queue default is taken from again", Times);
        Assert.Equal(1u, await ConsumersAsync(queue));
    }

    [BrokerFact]
    public async Task A_control_log_and_a_history_that_were_deleted_and_made_anew_are_followed()
    {
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        ITaskControl control = queue.Last.Services.GetRequiredService<ITaskControl>();
        ITaskHistory history = queue.Last.Services.GetRequiredService<ITaskHistory>();
        using CancellationTokenSource end = new();
        ConcurrentQueue<HistoryRecord> records = [];
        Task following = FollowAsync(history, records, end.Token);
        EnqueuedTask before = await producer.ProbeAsync("before");
        await Eventually.TrueAsync(() => records.Any(record => record.TaskId == before.Id && record.State == TaskState.Succeeded), "the history tells of it");
        await control.PauseAsync("default");
        await control.ResumeAsync("default");
        await queue.LoggedAsync("Queue default is taken from again", 2);

        await using (IChannel plain = await queue.PlainChannelAsync())
        {
            await plain.QueueDeleteAsync($"{queue.Prefix}.control.log");
            await plain.QueueDeleteAsync($"{queue.Prefix}.history");
        }

        await queue.LoggedAsync("was deleted and made anew", 3);
        await control.PauseAsync("default");
        await Eventually.TrueAsync(() => worker.Services.GetRequiredService<TaskWorkerService>().Slots[0].IsPaused, "the worker obeys");
        await control.ResumeAsync("default");
        EnqueuedTask after = await producer.ProbeAsync("after");
        await Eventually.TrueAsync(() => records.Any(record => record.TaskId == after.Id && record.State == TaskState.Succeeded), "the history tells of the next");
        Assert.True(records.First(record => record.TaskId == after.Id).Offset <= records.Last(record => record.TaskId == before.Id).Offset, "the offsets begin again");
        await end.CancelAsync();
        await following.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private static async Task FollowAsync(ITaskHistory history, ConcurrentQueue<HistoryRecord> records, CancellationToken end)
    {
        await foreach (IReadOnlyList<HistoryRecord> group in history.FollowAsync(null, end))
        {
            foreach (HistoryRecord record in group)
            {
                records.Enqueue(record);
            }
        }
    }

    [BrokerFact]
    public async Task A_cancelled_task_never_runs_also_not_on_a_worker_that_starts_later()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask cancelled = await producer.ProbeAsync("cancelled");
        await producer.ProbeAsync("runs");
        await queue.Last.Services.GetRequiredService<ITaskControl>().CancelAsync([new TaskToCancel(cancelled.Id, "probe", "default", 1, 0, Running: false)]);
        IHost worker = await queue.WorkerAsync();
        await queue.Runs.NextAsync();
        await worker.StopAsync();
        Assert.Equal(["runs"], queue.Runs.All.Select(run => run.Text));
        Assert.Equal(0u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task A_cancelled_id_that_is_enqueued_again_runs_once_whichever_process_sends_it()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        ITaskControl control = queue.Last.Services.GetRequiredService<ITaskControl>();
        string[] ids = [Guid.NewGuid().ToString(), Guid.NewGuid().ToString()];
        foreach (string id in ids)
        {
            await producer.EnqueueAsync(NewTask.Json("probe", "cancelled") with { Id = id });
        }

        await control.CancelAsync([.. ids.Select(id => new TaskToCancel(id, "probe", "default", 1, 0, Running: false))]);
        await producer.EnqueueAsync(NewTask.Json("probe", "here") with { Id = ids[0] });
        // Healthy or not: it learns what was said before it started, and waits for that.
        IHost other = await queue.StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue elsewhere = other.Services.GetRequiredService<ITaskQueue>();
        await elsewhere.EnqueueAsync(NewTask.Json("probe", "there") with { Id = ids[1] });
        IHost worker = await queue.WorkerAsync();
        await queue.Runs.NextAsync();
        await queue.Runs.NextAsync();
        await worker.StopAsync();
        Assert.Equal([("here", ids[0]), ("there", ids[1])], queue.Runs.All.Select(run => (run.Text, run.Context.Id)));
        Assert.Equal(0u, await queue.ReadyAsync());

        // An older word does not bring back a run that was cancelled since.
        await control.CancelAsync([new TaskToCancel(ids[0], "probe", "default", 1, 1, Running: false)]);
        await control.CancelAsync([new TaskToCancel(ids[0], "probe", "default", 1, 0, Running: false)]);
        await producer.EnqueueAsync(NewTask.Json("probe", "again") with { Id = ids[0] });
        await queue.WorkerAsync();
        Assert.Equal(ids[0], (await queue.Runs.NextAsync()).Id);
    }

    [BrokerFact]
    public async Task A_running_task_that_is_cancelled_is_told_and_is_not_tried_again()
    {
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync(async (_, context) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
            return null;
        });
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask task = await producer.ProbeAsync();
        await queue.Runs.NextAsync();
        await queue.Last.Services.GetRequiredService<ITaskControl>().CancelAsync([new TaskToCancel(task.Id, "probe", "default", 1, 0, Running: true)]);
        await Eventually.TrueAsync(() => queue.Logged.Any(line => line.Contains($"Task {task.Id} (probe) is cancelled", StringComparison.Ordinal)), "the worker has cancelled it");
        await worker.StopAsync();
        Assert.Single(queue.Runs.All);
        Assert.Equal(0u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task Workers_are_known_with_what_they_run()
    {
        TaskCompletionSource<object?> finish = new();
        await using TestQueue queue = new(broker, ("Queues:default:MaxRunning", "5"));
        ITaskQueue producer = await queue.ProducerAsync();
        IWorkerDirectory workers = queue.Last.Services.GetRequiredService<IWorkerDirectory>();
        await queue.WorkerAsync((_, _) => finish.Task, ("Worker:Concurrency", "2"));
        EnqueuedTask task = await producer.ProbeAsync();
        await Eventually.TrueAsync(() => workers.Current is [{ Tasks: [var running], Slots: 2, Queues: ["default"] }] && running.Id == task.Id, "the worker tells of its task");
        await Eventually.TrueAsync(() => workers.Current[0].Permits["default"] == 2, "and of the permits of its slots");
        finish.SetResult(null);
    }

    private static async Task<uint> ConsumersAsync(TestQueue queue)
    {
        await using RabbitMQ.Client.IChannel channel = await queue.PlainChannelAsync();
        return await channel.ConsumerCountAsync($"{queue.Prefix}.default");
    }
}
