using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What the stream of what happened holds.</summary>
[Collection(BrokerTests.Name)]
public sealed class HistoryTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_task_that_fails_once_is_told_from_its_enqueue_to_its_result()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.250"), ("Retry:Jitter", "0"));
        await queue.WorkerAsync(async (_, context) =>
        {
            // Long enough to be announced as running.
            context.ReportProgress(40, "half way");
            await Task.Delay(TimeSpan.FromSeconds(1.2), TimeProvider.System, context.CancellationToken);
            return context.Attempt == 1 ? throw new InvalidOperationException("boom") : new { words = 3 };
        });
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask task = await producer.ProbeAsync("hello");
        List<HistoryRecord> records = await ReadAsync(queue, TaskState.Succeeded);
        Assert.All(records, record => Assert.Equal((task.Id, "probe", "default"), (record.TaskId, record.Type, record.Queue)));
        HistoryRecord[] states = [.. records.Where(record => record.Kind == HistoryKind.State)];
        Assert.Equal([TaskState.Queued, TaskState.Running, TaskState.Retrying, TaskState.Running, TaskState.Succeeded], states.Select(record => record.State));
        Assert.Equal([1, 1, 2, 2, 2], states.Select(record => record.Attempt));
        Assert.Equal("\"hello\""u8.ToArray(), states[0].Body.ToArray());
        Assert.Equal(("boom", "System.InvalidOperationException"), (states[2].Error, states[2].ErrorType));
        Assert.Equal(states[1].StartedAt, states[2].StartedAt);
        Assert.NotNull(states[2].DueAt);
        Assert.Equal("{\"words\":3}"u8.ToArray(), states[4].Body.ToArray());
        Assert.All(records.Where(record => record.State == TaskState.Running), record => Assert.NotNull(record.Worker));
        Assert.Contains(records, record => record is { Kind: HistoryKind.Progress, Percent: 40, Progress: "half way" });
    }

    [BrokerFact]
    public async Task Records_can_be_read_again_by_their_offsets()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        foreach (int number in Enumerable.Range(0, 5))
        {
            await producer.ProbeAsync($"{number}");
        }

        List<HistoryRecord> records = await ReadAsync(queue, TaskState.Succeeded, count: 5);
        HistoryRecord[] some = [records[1], records[^1]];
        IReadOnlyList<HistoryRecord> again = await queue.Last.Services.GetRequiredService<ITaskHistory>().ReadAsync([.. some.Select(record => record.Offset)], default);
        Assert.Equal(some.Select(record => (record.Offset, record.TaskId, record.State)), again.Select(record => (record.Offset, record.TaskId, record.State)));
        Assert.Equal(some[0].Body.ToArray(), again[0].Body.ToArray());
    }

    [BrokerFact]
    public async Task Dead_letters_are_told_with_their_reason_and_discarded_ones_too()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((_, _) => throw new TaskRejectedException("no such customer"));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync();
        HistoryRecord dead = (await ReadAsync(queue, TaskState.DeadLettered))[^1];
        Assert.Equal("no such customer", dead.Reason);
        Assert.Equal(1, await queue.Last.Services.GetRequiredService<IDeadLetters>().DiscardAsync(new DeadLetterFilter()));
        Assert.Contains(await ReadAsync(queue, TaskState.Cancelled), record => record.Reason == "dead letter discarded");
    }

    [BrokerFact]
    public async Task Without_payloads_the_history_tells_the_same_states()
    {
        await using TestQueue queue = new(broker, ("HistoryPayloads", "false"), ("Retry:Delays:0", "00:00:00.250"));
        await queue.WorkerAsync((_, context) => context.Attempt == 1 ? throw new InvalidOperationException("boom") : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("secret");
        List<HistoryRecord> records = await ReadAsync(queue, TaskState.Succeeded);
        // Each is a message of its own there: the producer's may come behind the worker's first.
        Assert.Equal([TaskState.Queued, TaskState.Retrying, TaskState.Succeeded], records.Where(record => record.State != TaskState.Running).OrderBy(record => record.Attempt).Select(record => record.State));
        Assert.All(records, record => Assert.True(record.Body.IsEmpty));
    }

    [BrokerFact]
    public async Task With_failures_alone_a_success_leaves_no_record_and_a_failure_does()
    {
        await using TestQueue queue = new(broker, ("History", "failures"));
        await queue.WorkerAsync((text, _) => text == "bad" ? throw new TaskRejectedException("no") : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.ProbeAsync("good");
        EnqueuedTask bad = await producer.ProbeAsync("bad");
        HistoryRecord record = Assert.Single(await ReadAsync(queue, TaskState.DeadLettered));
        Assert.Equal(bad.Id, record.TaskId);
    }

    private static async Task<List<HistoryRecord>> ReadAsync(TestQueue queue, TaskState until, int count = 1)
    {
        using CancellationTokenSource limit = new(TestEnvironment.Patience);
        List<HistoryRecord> records = [];
        await foreach (IReadOnlyList<HistoryRecord> group in queue.Last.Services.GetRequiredService<ITaskHistory>().FollowAsync(null, limit.Token))
        {
            records.AddRange(group);
            if (records.Count(record => record.State == until) >= count)
            {
                break;
            }
        }

        return records;
    }
}
