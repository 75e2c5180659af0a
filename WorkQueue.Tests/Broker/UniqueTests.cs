using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Tasks with a key, of which there is one at a time.</summary>
[Collection(MoreBrokerTests.Name)]
public sealed class UniqueTests(BrokerFixture broker)
{
    private static NewTask Probe(string text, UniqueOptions unique, TimeSpan? delay = null) => NewTask.Json("probe", text) with { Unique = unique, Delay = delay };

    [BrokerFact]
    public async Task Two_producers_with_100_callers_each_and_one_key_make_one_task()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue[] producers = [await queue.ProducerAsync(), await queue.ProducerAsync()];
        EnqueuedTask[] tasks = await Task.WhenAll(Enumerable.Range(0, 200).Select(caller => producers[caller % 2].EnqueueAsync(Probe($"by {caller}", new UniqueOptions { Key = "one" }))));
        Assert.Single(tasks.Select(task => task.Id).Distinct());
        Assert.Equal(199, tasks.Count(task => task.Existing));
        Assert.Equal(1u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task The_payload_is_the_key_where_none_is_given_and_a_key_belongs_to_a_queue_and_a_type()
    {
        await using TestQueue queue = new(broker, ("Queues:other:Type", "Quorum"));
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask first = await producer.EnqueueAsync(Probe("a", new UniqueOptions()));
        Assert.Equal(first with { Existing = true }, await producer.EnqueueAsync(Probe("a", new UniqueOptions())));
        Assert.False((await producer.EnqueueAsync(Probe("b", new UniqueOptions()))).Existing);
        Assert.False((await producer.EnqueueAsync(Probe("a", new UniqueOptions()) with { Queue = "other" })).Existing);
        Assert.False((await producer.EnqueueAsync(Probe("a", new UniqueOptions()) with { Type = "another" })).Existing);
    }

    [BrokerFact]
    public async Task A_key_is_free_when_its_task_has_ended_however_that_was()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((text, _) => text == "bad" ? throw new TaskRejectedException("no") : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        HashSet<string> ids = [];
        foreach (string text in (string[])["good", "bad", "bad", "good"])
        {
            await Eventually.TrueAsync(async () => await producer.EnqueueAsync(Probe(text, new UniqueOptions { Key = "k" })) is { Existing: false } task && ids.Add(task.Id), "the key is free again");
        }

        Assert.Equal(4, ids.Count);
    }

    [BrokerFact]
    public async Task A_task_that_was_cancelled_while_it_waited_holds_no_key()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask first = await producer.EnqueueAsync(Probe("a", new UniqueOptions { Key = "k" }));
        await queue.Last.Services.GetRequiredService<ITaskControl>().CancelAsync([new TaskToCancel(first.Id, "probe", "default", 1, 0, Running: false)]);
        EnqueuedTask second = await producer.EnqueueAsync(Probe("b", new UniqueOptions { Key = "k" }));
        Assert.NotEqual(first.Id, second.Id);
        Assert.False(second.Existing);
        await queue.WorkerAsync();
        Assert.Equal(second.Id, (await queue.Runs.NextAsync()).Id);
    }

    [BrokerFact]
    public async Task A_key_that_is_held_for_a_time_outlives_its_task_and_is_free_after_it()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        NewTask task = Probe("a", new UniqueOptions { For = TimeSpan.FromSeconds(6) });
        long start = TimeProvider.System.GetTimestamp();
        EnqueuedTask first = await producer.EnqueueAsync(task);
        await queue.Runs.NextAsync();
        EnqueuedTask again = await producer.EnqueueAsync(task);
        Assert.Equal((first.Id, true), (again.Id, again.Existing));
        await Eventually.TrueAsync(async () => !(await producer.EnqueueAsync(task)).Existing, "the time is over");
        Assert.True(TimeProvider.System.GetElapsedTime(start) >= TimeSpan.FromSeconds(5.9));
    }

    [BrokerFact]
    public async Task Replace_has_the_newest_payload_run_under_the_id_of_the_first()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        UniqueOptions replace = new() { Key = "k", Then = UniqueRule.Replace };
        EnqueuedTask first = await producer.EnqueueAsync(Probe("old", replace));
        Assert.Equal(first with { Existing = true }, await producer.EnqueueAsync(Probe("newer", replace)));
        Assert.Equal(first with { Existing = true }, await producer.EnqueueAsync(Probe("newest", replace)));
        await queue.WorkerAsync();
        await Eventually.TrueAsync(async () => !(await producer.EnqueueAsync(Probe("next", new UniqueOptions { Key = "k" }))).Existing, "it has ended");
        await queue.Runs.NextAsync();
        await queue.Runs.NextAsync();
        Assert.Equal(["newest", "next"], queue.Runs.All.Select(run => run.Text));
        Assert.Equal(first.Id, queue.Runs.All.First().Context.Id);
    }

    [BrokerFact]
    public async Task What_runs_already_is_not_replaced_and_the_newer_one_runs_after_it()
    {
        await using TestQueue queue = new(broker);
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        IHost worker = await queue.WorkerAsync(async (text, context) =>
        {
            await (text == "runs" ? go.Task : Task.CompletedTask);
            context.CancellationToken.ThrowIfCancellationRequested();
            return null;
        });
        ITaskQueue producer = worker.Services.GetRequiredService<ITaskQueue>();
        UniqueOptions replace = new() { Key = "k", Then = UniqueRule.Replace };
        EnqueuedTask first = await producer.EnqueueAsync(Probe("runs", replace));
        await queue.Runs.NextAsync();
        Assert.Equal(first.Id, (await producer.EnqueueAsync(Probe("newer", replace))).Id);
        go.SetResult();
        await queue.Runs.NextAsync();
        await Eventually.TrueAsync(async () => !(await producer.EnqueueAsync(Probe("other", new UniqueOptions { Key = "k" }))).Existing, "both have ended");
        Assert.Equal(["runs", "newer"], queue.Runs.All.Take(2).Select(run => run.Text));
        Assert.DoesNotContain(queue.Logged, line => line.Contains("will be tried again", StringComparison.Ordinal));
    }

    [BrokerFact]
    public async Task A_debounced_task_runs_once_with_the_newest_payload_when_nothing_new_has_come_for_its_delay()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        UniqueOptions debounce = new() { Key = "k", Then = UniqueRule.Debounce };
        TimeSpan delay = TimeSpan.FromSeconds(3);
        EnqueuedTask first = await producer.EnqueueAsync(Probe("0", debounce, delay));
        Assert.Equal(TaskState.Scheduled, first.State);
        foreach (int number in Enumerable.Range(1, 5))
        {
            Assert.True((await producer.EnqueueAsync(Probe($"{number}", debounce, delay))).Existing);
        }

        TaskContext run = await queue.Runs.NextAsync();
        Assert.Equal(first.Id, run.Id);
        // Those before it have come to the worker by then, or do so at once.
        await Eventually.TrueAsync(async () => await queue.ReadyAsync() == 0 && !(await producer.EnqueueAsync(Probe("free", new UniqueOptions { Key = "k" }))).Existing, "the key is free");
        await queue.Runs.NextAsync();
        Assert.Equal(["5", "free"], queue.Runs.All.Select(one => one.Text));
    }

    [BrokerFact]
    public async Task The_next_leader_enqueues_what_the_one_before_had_decided_to()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue first = await queue.ProducerAsync();
        IHost before = queue.Last;
        string id = (await first.EnqueueAsync(Probe("a", new UniqueOptions { Key = "k" }))).Id;
        await before.StopAsync();
        ITaskQueue second = await queue.ProducerAsync();
        EnqueuedTask again = await second.EnqueueAsync(Probe("b", new UniqueOptions { Key = "k" }));
        Assert.Equal((id, true), (again.Id, again.Existing));
        Assert.Equal(1u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task A_queue_that_takes_nothing_leaves_the_key_as_it_was()
    {
        await using TestQueue queue = new(broker, ("Queues:small:MaxLength", "1"));
        ITaskQueue producer = await queue.ProducerAsync();
        UniqueOptions replace = new() { Key = "k", Then = UniqueRule.Replace };
        EnqueuedTask waits = await producer.EnqueueAsync(Probe("waits", replace) with { Queue = "small" });
        TaskNotEnqueuedException? refused = null;
        // Quorum queues take a little more than they are to hold.
        await Eventually.TrueAsync(async () =>
        {
            refused = (await producer.EnqueueManyAsync([Probe("other", new UniqueOptions { Key = Guid.NewGuid().ToString() }) with { Queue = "small" }]))[0].Error as TaskNotEnqueuedException;
            return refused is not null;
        }, "the queue is full");
        Assert.Contains(refused!.Outcome, (PublishOutcome[])[PublishOutcome.QueueFull, PublishOutcome.Refused]);
        Assert.Equal(waits.Id, (await producer.EnqueueAsync(Probe("skips", new UniqueOptions { Key = "k" }) with { Queue = "small" })).Id);
    }
}
