using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Tasks that run one after the other.</summary>
[Collection(BrokerTests.Name)]
public sealed class ChainTests(BrokerFixture broker)
{
    private static readonly string[] Letters = ["a", "b", "c", "d"];

    [BrokerTheory]
    [InlineData("All", "true")]
    [InlineData("All", "false")]
    [InlineData("Off", "true")]
    public async Task Each_task_runs_after_the_one_before_and_sees_all_results_before_whatever_the_history_keeps(string history, string payloads)
    {
        await using TestQueue queue = new(broker, ("History", history), ("HistoryPayloads", payloads), ("Worker:Concurrency", "3"));
        await queue.WorkerAsync((text, context) => Task.FromResult<object?>(text == "b" ? null : $"{text} after {string.Join(',', context.Previous)}"));
        EnqueuedTask first = await (await queue.ProducerAsync()).EnqueueAsync(Chain(Letters));
        TaskChain chain = new() { First = first.Id, Place = 0 };
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 4, "four runs");
        await queue.LoggedAsync($"Task {chain.IdOf(3)} (probe) done");
        Assert.Equal(Letters, queue.Runs.All.Select(run => run.Text));
        Assert.Equal(Enumerable.Range(0, 4).Select(chain.IdOf), queue.Runs.All.Select(run => run.Context.Id));
        Assert.Equal("a after ", queue.Runs.All.First(run => run.Text == "b").Context.Previous.Last<string>());
        Assert.Equal(["a after ", "", "c after a after ,"], queue.Runs.All.Last().Context.Previous.Select(result => result.ToString()));
        Assert.All(queue.Runs.All, run => Assert.Equal((1, false), (run.Context.Attempt, run.Context.Redelivered)));
    }

    [BrokerFact]
    public async Task Without_payloads_the_history_tells_the_places_and_types_of_a_chain_and_nothing_that_is_in_it()
    {
        await using TestQueue queue = new(broker, ("HistoryPayloads", "false"), ("Retry:Delays:0", "00:00:00.250"));
        await queue.WorkerAsync((text, context) => text == "secret b" && context.Attempt == 1 ? throw new InvalidOperationException("boom") : Task.FromResult<object?>(null));
        EnqueuedTask first = await (await queue.ProducerAsync()).EnqueueAsync(Chain("secret a", "secret b", "secret c"));
        string last = new TaskChain { First = first.Id, Place = 0 }.IdOf(2);
        List<HistoryRecord> records = [];
        using CancellationTokenSource limit = new(TestEnvironment.Patience);
        await foreach (IReadOnlyList<HistoryRecord> group in queue.Last.Services.GetRequiredService<ITaskHistory>().FollowAsync(null, limit.Token))
        {
            records.AddRange(group);
            if (records.Any(record => record.TaskId == last && record.State == TaskState.Succeeded))
            {
                break;
            }
        }

        Assert.All(records, record => Assert.Equal((first.Id, 0), (record.Chain!.First, record.Chain.Previous.Count)));
        // Each is a message of its own there: the producer's may come behind the next task's, which is the worker's.
        Assert.Equal([2, 1, 1, 0], records.Where(record => record.State is TaskState.Queued or TaskState.Retrying).Select(record => record.Then.Count).OrderDescending());
        Assert.All(records.SelectMany(record => record.Then), step => Assert.Equal(("probe", "null"), (step.Type, System.Text.Encoding.UTF8.GetString(step.Body.Span))));
    }

    [BrokerFact]
    public async Task A_large_chain_passes_retry_dead_letter_and_redrive_whole()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.250"));
        bool isDown = true;
        await queue.WorkerAsync((text, context) => text.StartsWith('b') && isDown ? throw new InvalidOperationException("down") : Task.FromResult<object?>(new string('r', 7000)));
        ITaskQueue producer = await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        string[] texts = ["a", .. Letters.Skip(1).Select(letter => new string(letter[0], 20_000))];
        EnqueuedTask first = await producer.EnqueueAsync(Chain(texts));
        await Eventually.EqualAsync(1, async () => await letters.CountAsync(new DeadLetterFilter()), "a dead letter");
        DeadLetter letter = Assert.Single(await letters.ListAsync(new DeadLetterFilter()));
        Assert.Equal((first.Id, 1, 1, 2), (letter.Chain!.First, letter.Chain.Place, letter.Chain.Previous.Count, letter.Then.Count));
        Assert.Equal(3, queue.Runs.All.Count);
        isDown = false;
        Assert.Equal(1, await letters.RedriveAsync(new DeadLetterFilter()));
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 6, "the chain goes on");
        Assert.Equal([texts[0], texts[1], texts[1], .. texts.Skip(1)], queue.Runs.All.Select(run => run.Text));
        Assert.Equal(3, queue.Runs.All.Last().Context.Previous.Count);
        Assert.DoesNotContain(queue.Logged, line => line.Contains("was lost", StringComparison.Ordinal));
    }

    [BrokerFact]
    public async Task A_cancelled_task_ends_its_chain()
    {
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync(async (_, context) =>
        {
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
            return null;
        });
        EnqueuedTask first = await (await queue.ProducerAsync()).EnqueueAsync(Chain("a", "b"));
        await queue.Runs.NextAsync();
        await queue.Last.Services.GetRequiredService<ITaskControl>().CancelAsync([new TaskToCancel(first.Id, "probe", "default", 1, 0, Running: true)]);
        await queue.LoggedAsync($"Task {first.Id} (probe) is cancelled");
        await worker.StopAsync();
        Assert.Equal((0u, 0u, 1), (await queue.ReadyAsync(), await queue.ReadyAsync("default.dead"), queue.Runs.All.Count));
    }

    [BrokerFact]
    public async Task A_worker_that_does_not_know_the_queue_of_the_next_task_runs_nothing_and_loses_nothing()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        IHost producer = await queue.StartAsync(builder => builder.AddTaskQueue(), ("Queues:other:DeliveryLimit", "5"));
        EnqueuedTask first = await producer.Services.GetRequiredService<ITaskQueue>().EnqueueAsync(Json("a") with { Then = [Json("b") with { Queue = "other" }, Json("c")] });
        IDeadLetters letters = producer.Services.GetRequiredService<IDeadLetters>();
        await Eventually.EqualAsync(1, async () => await letters.CountAsync(new DeadLetterFilter()), "a dead letter");
        DeadLetter letter = Assert.Single(await letters.ListAsync(new DeadLetterFilter()));
        Assert.Equal((first.Id, "the next task of its chain, probe, cannot be enqueued from here: No queue 'other'. Known: default."), (letter.Id, letter.Reason));
        Assert.Equal(["other", "default"], letter.Then.Select(step => step.Queue));
        Assert.Empty(queue.Runs.All);
        await producer.StopAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.QueueDeleteAsync($"{queue.Prefix}.other");
        await plain.QueueDeleteAsync($"{queue.Prefix}.other.dead");
    }

    [BrokerFact]
    public async Task A_delay_begins_when_the_task_before_has_ended()
    {
        await using TestQueue queue = new(broker);
        DateTimeOffset ended = default;
        await queue.WorkerAsync((text, _) =>
        {
            ended = text == "a" ? TimeProvider.System.GetUtcNow() : ended;
            return Task.FromResult<object?>(null);
        });
        await (await queue.ProducerAsync()).EnqueueAsync(Json("a") with { Then = [Json("b") with { Delay = TimeSpan.FromSeconds(1) }] });
        await queue.Runs.NextAsync();
        await queue.Runs.NextAsync();
        Assert.InRange(TimeProvider.System.GetUtcNow() - ended, TimeSpan.FromSeconds(1), TestEnvironment.Patience);
    }

    [BrokerFact]
    public async Task A_call_is_answered_by_the_first_task_while_the_chain_goes_on()
    {
        await using TestQueue queue = new(broker);
        TaskCompletionSource<object?> end = new();
        await queue.WorkerAsync((text, _) => text == "b" ? end.Task : Task.FromResult<object?>(text));
        Assert.Equal("a", await (await queue.ProducerAsync()).CallAsync<string>(Chain("a", "b"), TestEnvironment.Patience));
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 2, "the next one runs");
        end.SetResult(null);
    }

    [BrokerFact]
    public async Task A_plain_client_sends_a_chain_by_one_header_and_a_plain_worker_gets_the_payload_alone()
    {
        await using TestQueue queue = new(broker);
        await using IChannel plain = await queue.PlainChannelAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.EnqueueAsync(Chain("a", "b"));
        BasicGetResult taken = await queue.TakeAsync("default");
        Assert.Equal("\"a\"", System.Text.Encoding.UTF8.GetString(taken.Body.Span));
        await queue.WorkerAsync((text, _) => Task.FromResult<object?>(text));
        string id = Guid.NewGuid().ToString();
        List<object?> then = [new Dictionary<string, object?> { ["type"] = "probe", ["payload"] = "y" }];
        BasicProperties properties = new() { Persistent = true, Type = "probe", MessageId = id, Headers = new Dictionary<string, object?> { ["wq-then"] = then } };
        await plain.BasicPublishAsync($"{queue.Prefix}.tasks", "default", true, properties, JsonSerializer.SerializeToUtf8Bytes("x"));
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 2, "both run");
        Assert.Equal([("x", id), ("y", new TaskChain { First = id, Place = 0 }.IdOf(1))], queue.Runs.All.Select(run => (run.Text, run.Context.Id)));
    }

    [BrokerTheory]
    [InlineData("wq-then", "[{")]
    [InlineData("wq-then", "[{}]")]
    [InlineData("wq-then", 5)]
    [InlineData("wq-then", true)]
    [InlineData("wq-previous", "{}")]
    [InlineData("wq-place", "first")]
    [InlineData("wq-chain", "")]
    public async Task A_header_of_a_chain_that_cannot_be_read_makes_a_dead_letter_and_stops_nothing(string name, object value)
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        await queue.WorkerAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        foreach ((string text, Dictionary<string, object?> headers) in ((string, Dictionary<string, object?>)[])[("odd", new() { [name] = value }), ("behind it", [])])
        {
            BasicProperties properties = new() { Persistent = true, Type = "probe", MessageId = Guid.NewGuid().ToString(), Headers = headers };
            await plain.BasicPublishAsync($"{queue.Prefix}.tasks", "default", true, properties, JsonSerializer.SerializeToUtf8Bytes(text));
        }

        BasicGetResult letter = await queue.TakeAsync("default.dead");
        Assert.StartsWith($"unreadable envelope: header {name} ", letter.Header("wq-reason"), StringComparison.Ordinal);
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "behind it"), "the task behind it runs");
        Assert.Single(queue.Runs.All);
        Assert.DoesNotContain(queue.Logged, line => line.Contains("was lost", StringComparison.Ordinal));
    }

    private static NewTask Json(string text) => NewTask.Json("probe", text);

    private static NewTask Chain(params string[] texts) => Json(texts[0]) with { Then = [.. texts.Skip(1).Select(Json)] };
}
