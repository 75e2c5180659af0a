using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Wire;

/// <summary>Uses everything there is of the library once.</summary>
internal sealed class WireScenario(TestQueue queue, TestQueue silent)
{
    /// <summary>What comes last, by a clock and not by a call.</summary>
    public static readonly string[] Last = ["worker", "leader.whole", "leader.unique.some", "command.schedule.ended", "command.batch.ended", "command.rate.ask", "answer.rate.answer", "record.dropped", "record.progress", "control.lost", "command.token", "record.deadLettered", "task.suspect"];

    private static readonly TimeSpan Patience = TestEnvironment.Patience;

    private readonly TaskCompletionSource _go = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public static TestQueue NewQueue(BrokerFixture broker) => new(
        broker, ("Queues:laned:Lanes", "2"), ("Queues:urgent:Priorities", "true"), ("Queues:rated:Rate", "100/00:00:01"), ("Worker:Queues", "default,laned,urgent,rated"), ("Worker:Concurrency", "4"),
        ("Worker:DrainTimeout", "00:00:00.1"), ("Retry:Delays:0", "00:00:00.5"));

    public static TestQueue NewQueueWithoutPayloads(BrokerFixture broker) => new(broker, ("HistoryPayloads", "false"), ("Retry:Delays:0", "00:00:00.5"));

    public async Task RunAsync()
    {
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue().Services.AddTaskSchedules();
            builder.Services.AddSingleton(new LeaderLimits(Entries: 5));
        });
        // Before a worker, whose queue with a rate has it stand for election too: only this one writes everything anew so soon.
        await Eventually.TrueAsync(() => host.Services.GetRequiredService<LeaderService>().IsLeader, "the producer leads");
        ITaskQueue producer = host.Services.GetRequiredService<ITaskQueue>();
        await RunSuspectAsync(producer);
        await queue.WorkerAsync(HandleAsync);
        await RunTasksAsync(host, producer);
        await RunCancelledAsync(host, producer);
        await RunBatchesAsync(host.Services.GetRequiredService<ITaskBatches>());
        await RunSchedulesAsync(host.Services.GetRequiredService<ISchedules>());
        await RunWithoutPayloadsAsync();
    }

    private static NewTask Probe(string text) => NewTask.Json("probe", text);

    // Delivered to somebody who dies, then to a worker that stops: it goes back with what is known of it.
    private async Task RunSuspectAsync(ITaskQueue producer)
    {
        IHost first = await queue.WorkerAsync(HandleAsync);
        await first.StopAsync();
        await producer.EnqueueAsync(Probe("stopped"));
        await using (IChannel plain = await queue.PlainChannelAsync())
        {
            Assert.NotNull(await plain.BasicGetAsync($"{queue.Prefix}.default", autoAck: false));
        }

        IHost second = await queue.WorkerAsync(HandleAsync);
        await queue.Runs.NextAsync();
        await second.StopAsync();
        _go.SetResult();
    }

    private static async Task RunTasksAsync(IHost host, ITaskQueue producer)
    {
        using Activity trace = new Activity("scenario").Start();
        await producer.EnqueueAsync(Probe("plain") with { Deadline = TimeProvider.System.GetUtcNow().AddDays(1) });
        await producer.EnqueueAsync(Probe("later") with { Delay = TimeSpan.FromSeconds(1) });
        await producer.EnqueueAsync(Probe("progress"));
        string dead = (await producer.EnqueueAsync(Probe("fails"))).Id;
        await producer.EnqueueAsync(NewTask.Json("new-type", "x"));
        await producer.EnqueueAsync(Probe("again") with { RunOf = dead });
        await producer.EnqueueAsync(Probe("keyed") with { Queue = "laned", Key = "tenant 7" });
        await producer.EnqueueAsync(Probe("urgent") with { Queue = "urgent", Priority = TaskPriority.High });
        await producer.EnqueueAsync(Probe("rated") with { Queue = "rated" });
        await producer.EnqueueAsync(Probe("first") with { Then = [Probe("second"), Probe("third")] });
        await producer.EnqueueAsync(Probe("one") with { Unique = new UniqueOptions { Key = "k" } });
        // Held when the log is written anew, however long all this takes.
        await producer.EnqueueAsync(Probe("tomorrow") with { Unique = new UniqueOptions { Key = "t" }, Delay = TimeSpan.FromDays(1) });
        UniqueOptions replaced = new() { Key = "r", Then = UniqueRule.Replace };
        await producer.EnqueueAsync(Probe("old") with { Unique = replaced, Delay = TimeSpan.FromSeconds(2) });
        await producer.EnqueueAsync(Probe("new") with { Unique = replaced, Delay = TimeSpan.FromSeconds(2) });
        await producer.CallAsync<string>("probe", "called", Patience);
        await Assert.ThrowsAsync<CallFailedException>(() => producer.CallAsync<string>("probe", "rejected", Patience));
        await host.Services.GetRequiredService<ITaskEvents>().PublishAsync("orders.created", new { number = 1 });
        IDeadLetters letters = host.Services.GetRequiredService<IDeadLetters>();
        await Eventually.TrueAsync(async () => await letters.RedriveAsync(new DeadLetterFilter { Ids = new HashSet<string> { dead } }) == 1, "the dead letter is redriven");
    }

    private async Task RunCancelledAsync(IHost host, ITaskQueue producer)
    {
        ITaskControl control = host.Services.GetRequiredService<ITaskControl>();
        string delayed = (await producer.EnqueueAsync(Probe("never") with { Delay = TimeSpan.FromSeconds(2) })).Id;
        await control.CancelAsync([new TaskToCancel(delayed, "probe", "default", 1, 0, Running: false)]);
        string held = (await producer.EnqueueAsync(Probe("held"))).Id;
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Context.Id == held), "it runs");
        await control.CancelAsync([new TaskToCancel(held, "probe", "default", 1, 0, Running: true)]);
        await control.PauseAsync("laned");
        await control.ResumeAsync("laned");
    }

    private static async Task RunBatchesAsync(ITaskBatches batches)
    {
        BatchOptions followed = new() { Name = "night", OnSuccess = Probe("succeeded"), OnComplete = Probe("complete") };
        await batches.EnqueueAsync([Probe("a"), Probe("b")], followed);
        TaskBatch open = await batches.OpenAsync(followed);
        await batches.AddAsync(open.Id, [Probe("c")], "key");
        await batches.CloseAsync(open.Id);
        TaskBatch cancelled = await batches.OpenAsync();
        await batches.CancelAsync(cancelled.Id);
    }

    private static async Task RunSchedulesAsync(ISchedules schedules)
    {
        await schedules.DefineAsync("nightly", new ScheduleOptions { Cron = "0 3 * * *", TimeZone = "Europe/Berlin", Type = "probe", Payload = "\"tick\"", Overlap = OverlapRule.Skip });
        await schedules.RunAsync("nightly");
        await schedules.PauseAsync("nightly");
        await schedules.ResumeAsync("nightly");
        await schedules.DefineAsync("tick", new ScheduleOptions { Cron = "* * * * * *", Type = "probe", Payload = "\"tick\"", Overlap = OverlapRule.Skip });
        await Eventually.TrueAsync(async () => (await schedules.FindAsync("tick"))!.Runs.Count > 1, "it has run");
        await schedules.RemoveAsync("tick");
    }

    // Each move is then a record of its own.
    private async Task RunWithoutPayloadsAsync()
    {
        await silent.WorkerAsync(HandleAsync);
        ITaskQueue producer = await silent.ProducerAsync();
        await producer.EnqueueAsync(Probe("later") with { Delay = TimeSpan.FromSeconds(1) });
        await producer.EnqueueAsync(Probe("fails"));
    }

    private async Task<object?> HandleAsync(string text, TaskContext context)
    {
        switch (text)
        {
            case "stopped" when !_go.Task.IsCompleted:
            case "held":
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
                break;
            case "progress":
                context.ReportProgress(50, "half");
                await Task.Delay(TimeSpan.FromSeconds(1), TimeProvider.System, context.CancellationToken);
                break;
            case "fails":
                throw new InvalidOperationException("It fails.");
            case "rejected":
                throw new TaskRejectedException("Not this one.");
        }

        return text;
    }
}
