using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>The queue in memory and a real one tell the same of the same tasks.</summary>
[Collection(BrokerTests.Name)]
public sealed class ParityTests(BrokerFixture broker)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(1);

    private static readonly string[] Texts = ["done", "no result", "boom twice", "boom", "reject", "reject with cause", "later", "unwritable", "deadline", "delayed"];

    // The last of them never comes: the one before it is rejected.
    private static readonly string[] After = ["boom twice", "no result", "seen", "reject", "never"];

    private static int ChainLength => After.Length;

    [BrokerFact]
    public async Task States_attempts_reasons_errors_and_results_are_those_of_a_real_broker()
    {
        string[] real = await OfBrokerAsync();
        Assert.Equal(Texts.Length + 3 + ChainLength, real.Length);
        Assert.Equal(real, await InMemoryAsync());
    }

    [BrokerFact]
    public async Task Calls_end_as_on_a_real_broker()
    {
        await using TestQueue real = new(broker, ("Retry:Delays:0", "00:00:00.250"), ("Retry:Jitter", "0"));
        await real.WorkerAsync(HandleAsync);
        ITaskQueue producer = await real.ProducerAsync();
        await using TestTaskQueue queue = Probe.Queue(HandleAsync, options => options.Retry.Delays = [TimeSpan.FromMilliseconds(250)]);
        foreach (string text in Texts)
        {
            Assert.Equal(await CallAsync(producer, text), await CallAsync(queue, text));
        }
    }

    private static async Task<string> CallAsync(ITaskQueue queue, string text)
    {
        string id = $"call-{text}";
        NewTask task = NewTask.Json("probe", text) with { Id = id };
        try
        {
            return await queue.CallAsync<string>(task, TimeSpan.FromSeconds(20));
        }
        catch (CallFailedException failed)
        {
            return $"{failed.Outcome}, {failed.Message}, {failed.RemoteErrorType}, {failed.RemoteError}, {failed.TaskId}";
        }
    }

    private async Task<string[]> OfBrokerAsync()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.250"), ("Retry:Delays:1", "00:00:00.250"), ("Retry:Jitter", "0"), ("Worker:UnknownTypeGrace", "00:00:00"));
        ITaskQueue producer = await queue.ProducerAsync();
        IHost host = queue.Last;
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        Dictionary<string, string> names = await EnqueueAsync(producer, now);
        await Eventually.TrueAsync(() => TimeProvider.System.GetUtcNow() > now + Deadline, "the deadline has passed");
        await queue.WorkerAsync(HandleAsync);
        List<HistoryRecord> records = [];
        using CancellationTokenSource limit = new(TestEnvironment.Patience);
        await foreach (IReadOnlyList<HistoryRecord> group in host.Services.GetRequiredService<ITaskHistory>().FollowAsync(null, limit.Token))
        {
            records.AddRange(group);
            if (records.Where(IsEnd).DistinctBy(record => record.TaskId).Count() == names.Count)
            {
                break;
            }
        }

        return [.. records.GroupBy(record => record.TaskId).Select(task => Story(names[task.Key], task, now)).Order()];
    }

    private static async Task<string[]> InMemoryAsync()
    {
        await using TestTaskQueue queue = Probe.Queue(HandleAsync, options => options.Retry.Delays = [TimeSpan.FromMilliseconds(250), TimeSpan.FromMilliseconds(250)]);
        DateTimeOffset now = queue.Clock.GetUtcNow();
        Dictionary<string, string> names = await EnqueueAsync(queue, now);
        queue.Clock.Advance(Deadline + TimeSpan.FromMilliseconds(1));
        await queue.AdvanceAsync(TimeSpan.FromMinutes(1));
        return [.. queue.Tasks.Select(task => Story(names[task.Id], task.History, now)).Order()];
    }

    private static async Task<Dictionary<string, string>> EnqueueAsync(ITaskQueue queue, DateTimeOffset now)
    {
        Dictionary<string, string> names = [];
        foreach (string text in Texts)
        {
            NewTask task = NewTask.Json("probe", text) with { Deadline = text == "deadline" ? now + Deadline : null, NotBefore = text == "delayed" ? now + TimeSpan.FromSeconds(2) : null };
            names.Add((await queue.EnqueueAsync(task)).Id, text);
        }

        NewTask chain = NewTask.Json("probe", "first") with { Then = [.. After.Select(text => NewTask.Json("probe", text) with { Delay = text == "seen" ? TimeSpan.FromMilliseconds(500) : null })] };
        TaskChain first = new() { First = (await queue.EnqueueAsync(chain)).Id, Place = 0 };
        for (int place = 0; place < ChainLength; place++)
        {
            names.Add(first.IdOf(place), $"place {place} of a chain");
        }

        names.Add((await queue.EnqueueAsync("resize", 1)).Id, "unknown type");
        names.Add((await queue.EnqueueAsync(new NewTask { Type = "probe", Body = "{\"a"u8.ToArray(), ContentType = "application/json" })).Id, "malformed");
        names.Add((await queue.EnqueueAsync(NewTask.Text("plain") with { Type = "probe" })).Id, "plain text");
        return names;
    }

    private static Task<object?> HandleAsync(string text, TaskContext context) => text switch
    {
        "boom twice" when context.Attempt < 3 => throw new InvalidOperationException("boom"),
        "boom" => throw new InvalidOperationException("boom"),
        "reject" => throw new TaskRejectedException("no such customer"),
        "reject with cause" => throw new TaskRejectedException("no such customer", new KeyNotFoundException("7")),
        "later" when context.Attempt == 1 => throw new TaskRetryException("busy", TimeSpan.FromMilliseconds(500)),
        "unwritable" => Probe.Done(new Func<int>(() => 1)),
        "no result" => Probe.Done(),
        "seen" => Probe.Done($"after {string.Join(',', context.Previous)}"),
        _ => Probe.Done($"{text} in attempt {context.Attempt} of {context.Queue}, redelivered: {context.Redelivered}"),
    };

    private static bool IsEnd(HistoryRecord record) => record.State is TaskState.Succeeded or TaskState.DeadLettered;

    // Without what differs from one run to the next: times, and whether a run was long enough to be told of.
    private static string Story(string name, IEnumerable<HistoryRecord> records, DateTimeOffset now) => $"{name}: {string.Join(" → ", records
        .Where(record => record.State != TaskState.Running)
        .Select(record => string.Join('|', record.State, record.Attempt, record.Reason, record.ErrorType, record.Error, record.Type, record.Queue, record.ContentType, record.Chain?.Place, record.Then.Count, string.Join(',', record.Chain?.Previous ?? []), System.Text.Encoding.UTF8.GetString(record.Body.Span))))}"
        .Replace($"{now + Deadline:u}", "then", StringComparison.Ordinal);
}
