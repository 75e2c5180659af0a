using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

[Collection(BrokerTests.Name)]
public sealed class EarlyTaskTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_task_that_reaches_a_worker_before_its_time_waits_and_runs_once_as_the_same_attempt()
    {
        await using TestQueue queue = new(broker);
        TaskCompletionSource<DateTimeOffset> ran = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await queue.WorkerAsync((_, _) =>
        {
            ran.TrySetResult(TimeProvider.System.GetUtcNow());
            return Task.FromResult<object?>(null);
        });
        await queue.ProducerAsync();
        DateTimeOffset due = TimeProvider.System.GetUtcNow().AddSeconds(3);
        string id = Guid.CreateVersion7().ToString();
        await using IChannel plain = await queue.PlainChannelAsync();
        BasicProperties properties = new()
        {
            MessageId = id,
            Type = "probe",
            ContentType = "application/json",
            Headers = new Dictionary<string, object?> { ["wq-not-before"] = due.ToString("o", CultureInfo.InvariantCulture) },
        };
        // By the queue's exchange, as plain clients do, for the history to know it.
        await plain.BasicPublishAsync($"{queue.Prefix}.tasks", "default", mandatory: true, properties, "\"x\""u8.ToArray());
        Assert.InRange(await ran.Task.WaitAsync(TestEnvironment.Patience), due, due.AddSeconds(10));
        TaskContext run = Assert.Single(queue.Runs.All).Context;
        Assert.Equal((id, 1), (run.Id, run.Attempt));

        // A run that is over at once is not recorded as running.
        HistoryRecord[] records = [.. (await RecordsAsync(queue, id)).Where(record => record.State != TaskState.Running)];
        Assert.Equal([TaskState.Queued, TaskState.Scheduled, TaskState.Succeeded], records.Select(record => record.State));
        Assert.Equal((due.ToUnixTimeMilliseconds(), 1), (records[1].DueAt!.Value.ToUnixTimeMilliseconds(), records[1].Attempt));
        Assert.Contains("before its time", records[1].Reason, StringComparison.Ordinal);
        Assert.Equal(0u, await queue.ReadyAsync());
    }

    private static async Task<List<HistoryRecord>> RecordsAsync(TestQueue queue, string id)
    {
        using CancellationTokenSource limit = new(TestEnvironment.Patience);
        List<HistoryRecord> records = [];
        await foreach (IReadOnlyList<HistoryRecord> group in queue.Last.Services.GetRequiredService<ITaskHistory>().FollowAsync(null, limit.Token))
        {
            records.AddRange(group.Where(record => record.TaskId == id));
            if (records.Exists(record => record.State == TaskState.Succeeded))
            {
                break;
            }
        }

        return records;
    }
}
