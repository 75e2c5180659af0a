using System.Text.Json;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Something dies under a call.</summary>
[Collection(SideFaults.Name)]
public sealed class CallFaultTests(FaultBroker broker)
{
    private static readonly object Simulated = new { text = "Hello.." };

    [FaultFact(Timeout = 90_000)]
    public async Task A_call_whose_worker_is_killed_completes_on_another()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        await using WorkerProcess first = WorkerProcess.Start(broker.ConnectionString, queue.Prefix);
        await Eventually.EqualAsync(1, async () => await queue.ConsumersAsync(), "the worker consumes");
        Task<JsonElement> call = tasks.CallAsync<JsonElement>("simulate", Simulated, TimeSpan.FromMinutes(1));
        await TakenAsync(queue);
        await first.KillAsync();
        Assert.False(call.IsCompleted);
        await using WorkerProcess second = WorkerProcess.Start(broker.ConnectionString, queue.Prefix);
        Assert.Equal("Hello..", (await call).GetProperty("text").GetString());
    }

    [FaultFact(Timeout = 90_000)]
    public async Task A_call_whose_worker_is_killed_and_which_no_other_takes_times_out_with_a_clear_error()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        await using WorkerProcess worker = WorkerProcess.Start(broker.ConnectionString, queue.Prefix);
        await Eventually.EqualAsync(1, async () => await queue.ConsumersAsync(), "the worker consumes");
        Task<JsonElement> call = tasks.CallAsync<JsonElement>("simulate", new { text = "Hello" + new string('.', 60) }, TimeSpan.FromSeconds(8));
        await TakenAsync(queue);
        await worker.KillAsync();
        CallFailedException failed = await Assert.ThrowsAsync<CallFailedException>(() => call);
        Assert.Equal(CallOutcome.TimedOut, failed.Outcome);
        Assert.StartsWith($"No reply to task {failed.TaskId} within 00:00:08.", failed.Message, StringComparison.Ordinal);
    }

    [FaultFact(Timeout = 90_000)]
    public async Task A_lost_connection_fails_every_pending_call_at_once_as_unknown_and_later_calls_work()
    {
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, link);
        ITaskQueue tasks = await queue.ProducerAsync();
        await queue.LoggedAsync("for consuming");
        Task<string>[] calls = [.. Enumerable.Range(0, 100).Select(_ => tasks.CallAsync<string>("probe", "", TimeSpan.FromHours(1)))];
        await Eventually.EqualAsync(calls.Length, async () => await queue.ReadyAsync(), "every call is enqueued");
        link.Cut();
        foreach (Task<string> call in calls)
        {
            CallFailedException failed = await Assert.ThrowsAsync<CallFailedException>(() => call.WaitAsync(TestEnvironment.Patience));
            Assert.Equal(CallOutcome.Unknown, failed.Outcome);
            Assert.Contains("is unknown. Look it up, or call again under the same id.", failed.Message, StringComparison.Ordinal);
        }

        await queue.LoggedAsync("for consuming", times: 2);
        Task<string> later = tasks.CallAsync<string>("probe", "", TimeSpan.FromHours(1));
        await Eventually.EqualAsync(calls.Length + 1, async () => await queue.ReadyAsync(), "a later call is enqueued");
        Assert.False(later.IsCompleted);
    }

    // Taken and not acknowledged: neither ready nor gone.
    private static Task TakenAsync(FaultQueue queue) => Eventually.EqualAsync(0, async () => await queue.ReadyAsync(), "the worker has taken the task");
}
