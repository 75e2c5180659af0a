using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

[Collection(MoreBrokerTests.Name)]
public sealed class BatchTests(BrokerFixture broker)
{
    private static BatchOptions Followed => new() { OnSuccess = Probe("succeeded"), OnComplete = Probe("complete") };

    [BrokerFact]
    public async Task What_follows_runs_once_when_all_members_of_two_workers_have_succeeded()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        await queue.WorkerAsync();
        ITaskBatches batches = await BatchesAsync(queue);
        TaskBatch batch = await batches.EnqueueAsync([.. Enumerable.Range(0, 300).Select(number => Probe(number.ToString(CultureInfo.InvariantCulture)))], Followed);
        Assert.Equal(300, batch.Total);
        await StateAsync(batches, batch.Id, BatchState.Succeeded);
        await Eventually.TrueAsync(() => Ran(queue, "succeeded") > 0 && Ran(queue, "complete") > 0, "what follows has run");
        Assert.Equal((1, 1, 302), (Ran(queue, "complete"), Ran(queue, "succeeded"), queue.Runs.All.Count));
        Assert.Equal(300, queue.Runs.All.Select(run => run.Context.Batch).OfType<BatchMember>().Where(member => member.BatchId == batch.Id).Select(member => member.Number).Distinct().Count());
        Assert.All(queue.Runs.All.Where(run => run.Context.Batch is not null), run => Assert.Equal(run.Context.Id, run.Context.Batch!.TaskId));
    }

    [BrokerFact]
    public async Task A_member_adds_others_once_however_often_it_runs_and_all_of_them_are_waited_for()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.1"));
        ITaskBatches batches = await BatchesAsync(queue);
        await queue.WorkerAsync(async (text, context) =>
        {
            if (text != "root")
            {
                return null;
            }

            await batches.AddAsync(context.Batch!.BatchId, [Probe("a"), Probe("b"), Probe("c")], context.Id);
            return context.Attempt == 1 ? throw new InvalidOperationException("once more") : "added";
        });
        TaskBatch batch = await batches.EnqueueAsync([Probe("root")], Followed);
        await StateAsync(batches, batch.Id, BatchState.Succeeded);
        await Eventually.TrueAsync(() => Ran(queue, "succeeded") == 1, "what follows has run");
        Assert.Equal(4, (await batches.FindAsync(batch.Id))!.Total);
        Assert.Equal((2, 1, 1, 1), (Ran(queue, "root"), Ran(queue, "a"), Ran(queue, "b"), Ran(queue, "c")));
    }

    [BrokerFact]
    public async Task A_batch_with_a_dead_letter_succeeds_when_that_is_redriven()
    {
        ConcurrentDictionary<string, bool> failing = new() { ["b"] = true };
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((text, _) => failing.ContainsKey(text) ? throw new TaskRejectedException("not yet") : Task.FromResult<object?>(null));
        ITaskBatches batches = await BatchesAsync(queue);
        TaskBatch batch = await batches.EnqueueAsync([Probe("a"), Probe("b")], Followed);
        await StateAsync(batches, batch.Id, BatchState.Complete);
        await Eventually.TrueAsync(() => Ran(queue, "complete") == 1, "what follows its end has run");
        Assert.Equal([1], (await batches.MembersAsync(batch.Id, TaskState.DeadLettered)).Select(member => member.Number));
        failing.Clear();
        Assert.Equal(1, await queue.Last.Services.GetRequiredService<IDeadLetters>().RedriveAsync(new DeadLetterFilter()));
        await StateAsync(batches, batch.Id, BatchState.Succeeded);
        await Eventually.TrueAsync(() => Ran(queue, "succeeded") == 1, "what follows its success has run");
        Assert.Equal(1, Ran(queue, "complete"));
    }

    [BrokerFact]
    public async Task A_cancelled_one_drops_what_waits_and_stops_what_runs_and_nothing_follows()
    {
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync(async (_, context) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
            return null;
        }, ("Worker:Concurrency", "2"));
        ITaskBatches batches = await BatchesAsync(queue);
        TaskBatch batch = await batches.EnqueueAsync([.. Enumerable.Repeat(Probe("x"), 1200)], Followed);
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 2, "two run");
        Assert.Equal(BatchState.Cancelled, (await batches.CancelAsync(batch.Id)).State);
        await Eventually.EqualAsync(1200, async () => (await batches.FindAsync(batch.Id))!.Cancelled, "all are cancelled");
        Assert.Equal((2, 0), (queue.Runs.All.Count, (await batches.FindAsync(batch.Id))!.Pending));
        Assert.NotNull(worker);
        Assert.Equal(BatchRefusal.NotPossible, (await Assert.ThrowsAsync<BatchRefusedException>(() => batches.AddAsync(batch.Id, [Probe("late")]))).Reason);
    }

    [BrokerFact]
    public async Task One_whose_program_is_gone_ends_by_the_workers_that_run_it_and_is_known_to_those_that_start_later()
    {
        await using TestQueue queue = new(broker);
        ITaskBatches batches = await BatchesAsync(queue);
        TaskBatch batch = await batches.EnqueueAsync([Probe("a"), Probe("b")], Followed);
        await queue.Last.StopAsync();
        IHost worker = await queue.WorkerAsync();
        await Eventually.TrueAsync(() => Ran(queue, "succeeded") == 1, "what follows has run");
        Assert.True(worker.Services.GetRequiredService<LeaderService>().IsLeader);
        ITaskBatches later = await BatchesAsync(queue);
        await StateAsync(later, batch.Id, BatchState.Succeeded);
        Assert.Equal(2, (await later.FindAsync(batch.Id))!.Succeeded);
        Assert.Equal(batch.Id, Assert.Single(await later.ListAsync()).Id);
    }

    [BrokerFact]
    public async Task What_is_written_anew_again_and_again_goes_on_as_it_was()
    {
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder =>
        {
            builder.Services.AddSingleton(new LeaderLimits(Entries: 4));
            builder.AddTaskQueue();
        });
        ITaskBatches batches = host.Services.GetRequiredService<ITaskBatches>();
        TaskBatch batch = await batches.OpenAsync(Followed);
        for (int number = 0; number < 8; number++)
        {
            await batches.AddAsync(batch.Id, [Probe("x"), Probe("y")]);
        }

        await queue.WorkerAsync();
        await batches.CloseAsync(batch.Id);
        await StateAsync(batches, batch.Id, BatchState.Succeeded);
        Assert.Equal(16, (await batches.FindAsync(batch.Id))!.Succeeded);
        ITaskBatches later = await BatchesAsync(queue);
        Assert.Equal((BatchState.Succeeded, 16), ((await later.FindAsync(batch.Id))!.State, (await later.FindAsync(batch.Id))!.Succeeded));
    }

    [BrokerFact]
    public async Task A_foreign_message_cannot_end_anothers_member()
    {
        await using TestQueue queue = new(broker);
        ITaskBatches batches = await BatchesAsync(queue);
        TaskBatch batch = await batches.EnqueueAsync([Probe("a") with { Delay = TimeSpan.FromHours(1) }], Followed);
        await queue.WorkerAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        foreach (string told in (string[])[$"batch:{batch.Id}:0", $"batch:{batch.Id}:-1", "batch:none:0", "batch:", "batch::", "batch.close:x"])
        {
            BasicProperties properties = new() { Type = "probe", ContentType = "application/json", Headers = new Dictionary<string, object?> { ["wq-end-told"] = told } };
            await plain.BasicPublishAsync("", $"{queue.Prefix}.default", mandatory: true, properties, "\"x\""u8.ToArray());
        }

        await Eventually.TrueAsync(() => queue.Runs.All.Count == 6, "all have run");
        // Asked for after them.
        Assert.Equal(BatchState.Cancelled, (await batches.CancelAsync(batch.Id)).State);
        Assert.Equal((0, 1), ((await batches.FindAsync(batch.Id))!.Succeeded, (await batches.FindAsync(batch.Id))!.Total));
    }

    [BrokerFact]
    public async Task What_follows_is_in_the_trace_of_who_opened_the_batch()
    {
        await using TestQueue queue = new(broker, ("Queues:later:Type", "Quorum"));
        ITaskBatches batches = await BatchesAsync(queue);
        using Activity opener = new Activity("opens").Start();
        await batches.EnqueueAsync([], new BatchOptions { OnComplete = Probe("complete") with { Queue = "later" } });
        BasicGetResult follows = await queue.TakeAsync("later");
        Assert.Contains(opener.TraceId.ToHexString(), follows.Header("traceparent"), StringComparison.Ordinal);
    }

    private static NewTask Probe(string text) => NewTask.Json("probe", text);

    private static int Ran(TestQueue queue, string text) => queue.Runs.All.Count(run => run.Text == text);

    private static async Task<ITaskBatches> BatchesAsync(TestQueue queue)
    {
        await queue.ProducerAsync();
        return queue.Last.Services.GetRequiredService<ITaskBatches>();
    }

    private static Task StateAsync(ITaskBatches batches, string id, BatchState state) => Eventually.TrueAsync(async () => (await batches.FindAsync(id))!.State == state, $"the batch is {state}");
}
