using System.Text;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Whatever a handler returns, a task that is done is done: it runs once and succeeds, with its result or with the reason why that is not kept.</summary>
[Collection(BrokerTests.Name)]
public sealed class ResultTests(BrokerFixture broker)
{
    public static TheoryData<string, string> Results => new()
    {
        { "number", "" },
        { "not a number", "cannot be written as JSON" },
        { "getter that throws", "cannot be written as JSON: no such key" },
        { "sequence that throws", "cannot be written as JSON: half-way" },
        { "sequence without end", "has more than 65536 bytes" },
        { "text that is too large", "has more than 65536 bytes" },
        { "getter that blocks", "not written within the time of the task" },
    };

    [BrokerTheory]
    [MemberData(nameof(Results))]
    public async Task A_finished_task_runs_once_whatever_its_result_does(string result, string note)
    {
        await using TestQueue queue = new(broker, ("Worker:TaskTimeout", "00:00:01"), ("Worker:CancelGrace", "00:00:01"));
        using ManualResetEventSlim testIsOver = new();
        await queue.WorkerAsync((_, _) => Task.FromResult<object?>(ResultOf(result, testIsOver)));
        await (await queue.ProducerAsync()).ProbeAsync();
        HistoryRecord end = await EndAsync(queue);
        testIsOver.Set();
        Assert.Equal(TaskState.Succeeded, end.State);
        Assert.Equal(note.Length == 0 ? "42" : "", Encoding.UTF8.GetString(end.Body.Span));
        Assert.Contains(note, end.Reason ?? "", StringComparison.Ordinal);
        await queue.Last.StopAsync();
        Assert.Single(queue.Runs.All);
    }

    [BrokerFact]
    public async Task A_task_that_has_run_is_done_whatever_its_services_do_when_they_are_disposed_of()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.250"));
        Flush flush = new();
        IHost worker = await queue.StartAsync(builder =>
        {
            builder.Services.AddScoped(_ => new Flushing(flush));
            builder.AddTaskWorker();
            builder.AddTaskHandler("probe", (string _, TaskContext context) => Task.FromResult<object?>(context.Services.GetRequiredService<Flushing>() is not null));
        });
        await (await queue.ProducerAsync()).ProbeAsync();
        Assert.Equal(TaskState.Succeeded, (await EndAsync(queue)).State);
        await queue.LoggedAsync("could not be disposed of");
        Assert.Equal(1, flush.Tries);
    }

    private sealed class Flush
    {
        public int Tries { get; set; }
    }

    // As a service whose call times out while it writes what it holds.
    private sealed class Flushing(Flush flush) : IAsyncDisposable
    {
        public ValueTask DisposeAsync() => ++flush.Tries == 1 ? throw new TaskCanceledException("the call timed out") : ValueTask.CompletedTask;
    }

    private static object ResultOf(string kind, ManualResetEventSlim testIsOver) => kind switch
    {
        "number" => 42,
        "not a number" => double.NaN,
        "getter that throws" => new Throws(),
        "sequence that throws" => Enumerable.Range(0, 3).Select(number => number < 2 ? number : throw new InvalidDataException("half-way")),
        "sequence without end" => Endless(),
        "text that is too large" => new string('x', 70_000),
        _ => new Blocks(testIsOver),
    };

    private static IEnumerable<int> Endless()
    {
        for (int number = 0; ; number++)
        {
            yield return number;
        }
    }

    private static async Task<HistoryRecord> EndAsync(TestQueue queue)
    {
        using CancellationTokenSource limit = new(TestEnvironment.Patience);
        await foreach (IReadOnlyList<HistoryRecord> group in queue.Last.Services.GetRequiredService<ITaskHistory>().FollowAsync(null, limit.Token))
        {
            if (group.FirstOrDefault(record => record.State is TaskState.Succeeded or TaskState.Retrying or TaskState.DeadLettered) is { } end)
            {
                return end;
            }
        }

        throw new InvalidOperationException("The history ended.");
    }

    private sealed class Throws
    {
        private readonly string _message = "no such key";

        public string Value => throw new KeyNotFoundException(_message);
    }

    private sealed class Blocks(ManualResetEventSlim testIsOver)
    {
        public bool Value
        {
            get
            {
                testIsOver.Wait(TestEnvironment.Patience);
                return true;
            }
        }
    }
}
