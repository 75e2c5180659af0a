using System.Diagnostics;
using System.Globalization;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The broker dies, freezes, runs out of memory or takes a task back.</summary>
[Collection(FaultSuite.Name)]
public sealed class BrokerFaultTests(FaultBroker broker, FaultReport report)
{
    [FaultFact(Timeout = 90_000)]
    public async Task A_task_whose_broker_is_killed_runs_again_once_its_first_run_has_ended_and_only_then_counts()
    {
        TaskCompletionSource deaf = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Worker:CancelGrace", "00:01:00"));
        ITaskQueue producer = await queue.ProducerAsync();
        // Not told by the redelivered flag: a broker that is killed may not have written down that it had delivered.
        int runsOfFirst = 0;
        await queue.WorkerAsync((text, _) => text == "0" && Interlocked.Increment(ref runsOfFirst) == 1 ? deaf.Task : Task.CompletedTask);
        await queue.EnqueueAsync(producer, 1);
        TaskContext first = await queue.Runs.NextAsync();
        await queue.EnqueueAsync(producer, 99, number => FaultQueue.Probe(number + 1));

        await broker.FlushAsync();
        await broker.KillAsync();
        await CancelledAsync(first.CancellationToken);
        await broker.StartAsync();
        await queue.LoggedAsync("for consuming", times: 2);
        Assert.Single(queue.Runs.All);
        deaf.SetResult();
        TaskContext second = await queue.Runs.NextAsync();
        Assert.Equal(1, second.Attempt);
        await queue.AllDoneAsync();
        Balance balance = await queue.CloseAsync();
        Assert.Equal((1, 100), (queue.Ledger.MostAtOnce, balance.Confirmed));
        Assert.Equal(101, queue.Runs.All.Count);
        report.Add("broker killed and restarted under a task that does not stop", balance, "no second run beside the first");
    }

    [FaultFact(Timeout = 120_000)]
    public async Task Workers_consume_again_within_five_seconds_of_the_brokers_return()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        ITaskQueue producer = await queue.ProducerAsync();
        int runsOfFirst = 0;
        await queue.WorkerAsync(async (text, context) =>
        {
            if (text == "0" && Interlocked.Increment(ref runsOfFirst) == 1)
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
            }
        });
        await queue.EnqueueAsync(producer, 1);
        await queue.Runs.NextAsync();
        await queue.EnqueueAsync(producer, 99, number => FaultQueue.Probe(number + 1));

        await broker.FlushAsync();
        await broker.KillAsync();
        await broker.StartAsync();
        Stopwatch recovery = Stopwatch.StartNew();
        await queue.Runs.NextAsync();
        recovery.Stop();
        await queue.AllDoneAsync();
        report.Add("broker killed and restarted", await queue.CloseAsync(), Seconds("consuming again after its port opened", recovery));
        Assert.InRange(recovery.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    [FaultFact(Timeout = 90_000)]
    public async Task A_frozen_broker_is_noticed_within_three_heartbeats_and_no_enqueue_hangs_on_it()
    {
        TimeSpan heartbeat = TimeSpan.FromSeconds(2), confirm = TimeSpan.FromSeconds(8);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Heartbeat", $"{heartbeat}"), ("ConfirmTimeout", $"{confirm}"));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync((text, context) => text == "0" && !context.Redelivered
            ? Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken)
            : Task.CompletedTask);
        NewTask[] tasks = [.. Enumerable.Range(1, 20).Select(FaultQueue.Probe)];
        await queue.EnqueueAsync(producer, FaultQueue.Probe(0));
        TaskContext running = await queue.Runs.NextAsync();

        await broker.FreezeAsync();
        Stopwatch noticed = Stopwatch.StartNew();
        Task<(PublishOutcome? Outcome, TimeSpan After)[]> enqueues = Task.WhenAll(tasks.Select(task => OutcomeAsync(producer, task)));
        await CancelledAsync(running.CancellationToken);
        noticed.Stop();
        (PublishOutcome? Outcome, TimeSpan After)[] outcomes = await enqueues;
        Assert.All(outcomes, enqueue => Assert.Contains(enqueue.Outcome, (PublishOutcome?[])[PublishOutcome.Unknown, PublishOutcome.Unavailable]));
        Assert.All(outcomes, enqueue => Assert.InRange(enqueue.After, TimeSpan.Zero, confirm + TimeSpan.FromSeconds(1)));

        await broker.ThawAsync();
        Stopwatch recovery = Stopwatch.StartNew();
        await Task.WhenAll(tasks.Select(task => queue.EnqueueAsync(producer, task)));
        await queue.Runs.NextAsync();
        recovery.Stop();
        await queue.AllDoneAsync();
        report.Add("broker frozen, then let run on", await queue.CloseAsync(), $"{Seconds("noticed", noticed)} (heartbeat 2 s), {Seconds("working again", recovery)}");
        Assert.InRange(noticed.Elapsed, TimeSpan.Zero, 3 * heartbeat + TimeSpan.FromSeconds(0.5));
    }

    [FaultFact(Timeout = 120_000)]
    public async Task Every_enqueue_ends_when_the_broker_has_no_memory_and_also_when_it_dies_like_that()
    {
        const int Callers = 600;
        TimeSpan confirm = TimeSpan.FromSeconds(5), limit = confirm + TimeSpan.FromSeconds(5);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("ConfirmTimeout", $"{confirm}"));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.EnqueueAsync(producer, 1);

        await broker.ControlAsync("set_vm_memory_high_watermark", "0.0001");
        NewTask[] tasks = [.. Enumerable.Range(0, Callers).Select(FaultQueue.Probe)];
        (PublishOutcome? Outcome, TimeSpan After)[] blocked = await Task.WhenAll(tasks.Select(task => OutcomeAsync(producer, task)));
        AssertEnded(blocked, limit);
        await queue.LoggedAsync("RabbitMQ blocks publishing");
        (PublishOutcome? Outcome, TimeSpan After) refused = await OutcomeAsync(producer, FaultQueue.Probe(0));
        Assert.Equal(PublishOutcome.Unavailable, refused.Outcome);
        Assert.InRange(refused.After, TimeSpan.Zero, TimeSpan.FromSeconds(3));
        await broker.ControlAsync("set_vm_memory_high_watermark", "0.4");
        Stopwatch unblocked = Stopwatch.StartNew();
        await queue.EnqueueAsync(producer, FaultQueue.Probe(0));
        unblocked.Stop();
        await Task.WhenAll(tasks.Select(task => queue.EnqueueAsync(producer, task)));

        await broker.ControlAsync("set_vm_memory_high_watermark", "0.0001");
        NewTask[] more = [.. Enumerable.Range(0, Callers).Select(FaultQueue.Probe)];
        Task<(PublishOutcome? Outcome, TimeSpan After)[]> pending = Task.WhenAll(more.Select(task => OutcomeAsync(producer, task)));
        await queue.LoggedAsync("RabbitMQ blocks publishing", times: 2);
        await broker.KillAsync();
        AssertEnded(await pending, limit);
        Stopwatch stop = Stopwatch.StartNew();
        await queue.StopAsync();
        Assert.InRange(stop.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(8));

        await broker.StartAsync();
        ITaskQueue next = await queue.ProducerAsync();
        await Task.WhenAll(more.Select(task => queue.EnqueueAsync(next, task)));
        Balance balance = await queue.CloseAsync();
        Assert.Equal((2 * Callers) + 2, balance.Confirmed);
        TimeSpan longest = blocked.Max(enqueue => enqueue.After);
        report.Add(
            "memory alarm under 600 enqueues, then the broker killed under 600 more", balance,
            string.Create(CultureInfo.InvariantCulture, $"longest enqueue {longest.TotalSeconds:0.0} s, {Seconds("confirmed after the alarm", unblocked)}"));
    }

    [FaultFact(Timeout = 90_000)]
    public async Task Programs_started_before_their_broker_work_when_it_is_there()
    {
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, link);
        await link.RefuseAsync();
        await broker.KillAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync();
        await queue.LoggedAsync("No connection to RabbitMQ for consuming", times: 14);
        // From here the port takes connections and drops them, as some do while a broker starts.
        link.Accept();
        await broker.StartAsync();
        Stopwatch recovery = Stopwatch.StartNew();
        await queue.EnqueueAsync(producer, 100);
        await queue.Runs.NextAsync();
        recovery.Stop();
        await queue.AllDoneAsync();
        report.Add("programs started before the broker", await queue.CloseAsync(), Seconds("working after its port opened", recovery));
        Assert.InRange(recovery.Elapsed, TimeSpan.Zero, TimeSpan.FromSeconds(5));
    }

    private static void AssertEnded((PublishOutcome? Outcome, TimeSpan After)[] enqueues, TimeSpan limit) => Assert.All(enqueues, enqueue =>
    {
        Assert.True(enqueue.Outcome is null or PublishOutcome.Unknown or PublishOutcome.Unavailable, $"{enqueue.Outcome}");
        Assert.InRange(enqueue.After, TimeSpan.Zero, limit);
    });

    private static async Task<(PublishOutcome? Outcome, TimeSpan After)> OutcomeAsync(ITaskQueue producer, NewTask task)
    {
        Stopwatch time = Stopwatch.StartNew();
        try
        {
            await producer.EnqueueAsync(task);
            return (null, time.Elapsed);
        }
        catch (TaskNotEnqueuedException failure)
        {
            return (failure.Outcome, time.Elapsed);
        }
    }

    private static async Task CancelledAsync(CancellationToken token)
    {
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using CancellationTokenRegistration registration = token.Register(cancelled.SetResult);
        await cancelled.Task.WaitAsync(TestEnvironment.Patience, CancellationToken.None);
    }

    private static string Seconds(string what, Stopwatch time) => string.Create(CultureInfo.InvariantCulture, $"{what}: {time.Elapsed.TotalSeconds:0.0} s");
}
