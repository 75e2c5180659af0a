using System.Diagnostics;
using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Consuming.Adaptive;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The broker lives, and the way to it does not.</summary>
[Collection(FaultSuite.Name)]
public sealed class LinkFaultTests(FaultBroker broker, FaultReport report)
{
    [FaultFact(Timeout = 60_000)]
    public async Task A_connection_reset_between_the_confirm_of_a_retry_and_the_acknowledgement_doubles_the_task_and_loses_none()
    {
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, link, ("Retry:Delays:0", "00:00:01"), ("Retry:Jitter", "0"));
        ITaskQueue producer = await queue.ProducerAsync();
        Stopwatch recovery = new();
        int cuts = 0;
        using OnLog cut = new("the next one starts in", () =>
        {
            if (Interlocked.Increment(ref cuts) == 1)
            {
                recovery.Start();
                link.Cut();
            }
        });
        // All of them first: an enqueue that is cut too is made again, and would be a second duplicate.
        await queue.EnqueueAsync(producer, 20);
        await queue.WorkerAsync(
            (text, context) => text == "0" && context.Attempt == 1 ? throw new InvalidOperationException("once more") : Task.CompletedTask,
            builder => builder.Logging.AddProvider(cut));
        await queue.AllDoneAsync();
        recovery.Stop();
        await Eventually.TrueAsync(() => queue.Runs.All.Count(run => run.Text == "0" && run.Context.Attempt == 2) == 2, "both copies of the task run");
        (string Text, TaskContext Context)[] runs = [.. queue.Runs.All.Where(run => run.Text == "0")];
        Assert.Single(runs.Select(run => run.Context.Id).Distinct());
        Balance balance = await queue.CloseAsync();
        Assert.Equal(1, balance.Duplicates);
        report.Add("connection reset between the retry's confirm and the ack", balance, Seconds("all done", recovery));
    }

    [FaultFact(Timeout = 120_000)]
    public async Task A_link_that_fails_every_two_seconds_loses_nothing()
    {
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, link, ("ConfirmTimeout", "00:00:05"), ("Worker:Concurrency", "4"));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync((_, context) => Task.Delay(TimeSpan.FromMilliseconds(1), TimeProvider.System, context.CancellationToken));
        int seconds = FaultSuite.IsLong ? 15 : 7;
        using CancellationTokenSource enough = new(TimeSpan.FromSeconds(seconds));
        Task load = LoadAsync(queue, producer, enough.Token);
        using (PeriodicTimer timer = new(TimeSpan.FromSeconds(2)))
        {
            while (!enough.IsCancellationRequested && await timer.WaitForNextTickAsync(CancellationToken.None))
            {
                link.Cut();
            }
        }

        Stopwatch recovery = Stopwatch.StartNew();
        int before = queue.Runs.All.Count;
        // The load may have ended with nothing left to run; and what runs now has to be more than the slots can have started on what they held.
        Task more = queue.EnqueueAsync(producer, 20);
        await Eventually.TrueAsync(() => queue.Runs.All.Count > before + 4, "the worker goes on");
        recovery.Stop();
        await Task.WhenAll(load, more);
        await queue.AllDoneAsync(TimeSpan.FromSeconds(60));
        report.Add(string.Create(CultureInfo.InvariantCulture, $"link cut every 2 s for {seconds} s under load"), await queue.CloseAsync(), Seconds("working again after the last cut", recovery));
    }

    [FaultFact(Timeout = 120_000)]
    public async Task A_link_cut_under_slots_that_hold_many_tasks_doubles_at_most_what_they_held_and_loses_none()
    {
        const int Tasks = 30_000, Slots = 2, Cuts = 3;
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(
            broker, link, ("Worker:Concurrency", $"{Slots}"), ("Worker:Prefetch", "adaptive"), ("Worker:HoldBudget", "00:00:01"), ("History", "Off"));
        await queue.EnqueueAsync(await queue.ProducerAsync(), Tasks);
        IHost host = await queue.WorkerAsync();
        TaskWorkerService worker = host.Services.GetRequiredService<TaskWorkerService>();
        int most = 0;
        for (int cut = 0; cut < Cuts; cut++)
        {
            await Eventually.TrueAsync(
                () =>
                {
                    int held = worker.Slots.Select(slot => (int)(slot.Consumer?.Prefetch ?? 0)).DefaultIfEmpty().Max();
                    most = Math.Max(most, held);
                    return held > 1;
                },
                "a slot is given more than one");
            link.Cut();
        }

        Stopwatch recovery = Stopwatch.StartNew();
        await queue.AllDoneAsync(TimeSpan.FromSeconds(60));
        Balance balance = await queue.CloseAsync();
        // What had run and whose acknowledgement was still on its way.
        Assert.InRange(balance.Duplicates, 0, Cuts * Slots * AdaptivePrefetch.Most);
        report.Add("link cut three times under slots that hold many tasks", balance, string.Create(CultureInfo.InvariantCulture, $"up to {most} held by a slot; {Seconds("all done", recovery)}"));
    }

    [FaultFact(Timeout = 60_000)]
    public async Task A_worker_that_stops_finishes_what_runs_and_leaves_the_rest()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        await using WorkerProcess worker = WorkerProcess.Start(broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", "3"));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.EnqueueAsync(producer, 10, _ => sink.Call(held: true));
        await sink.ReachedAsync(3);
        Task<TimeSpan> stopping = worker.StopAsync();
        await Eventually.TrueAsync(() => worker.Output.Any(line => line.Contains("shutting down", StringComparison.Ordinal)), "it stops");
        sink.Release();
        TimeSpan stop = await stopping;
        Assert.Equal((0, (uint)(10 - sink.Runs)), (worker.ExitCode, await queue.ReadyAsync()));
        Assert.Equal(sink.Runs, queue.Ledger.Succeeded);
        Balance balance = await queue.CloseAsync();
        Assert.Equal(0, balance.Duplicates);
        report.Add("worker stopped while its tasks run", balance, Seconds("ended", stop));
        Assert.InRange(stop, TimeSpan.Zero, TimeSpan.FromSeconds(4));
    }

    [FaultFact(Timeout = 90_000)]
    public async Task A_worker_that_stops_on_a_dead_connection_ends_in_time_and_its_task_runs_elsewhere()
    {
        TimeSpan drain = TimeSpan.FromSeconds(2);
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        await using WebhookSink sink = await WebhookSink.StartAsync(queue.Ledger);
        ITaskQueue producer = await queue.ProducerAsync();
        await using WorkerProcess worker = WorkerProcess.Start(link.Over(broker.ConnectionString), queue.Prefix, ("Worker:Concurrency", "3"), ("Worker:DrainTimeout", $"{drain}"));
        await queue.EnqueueAsync(producer, 3, _ => sink.Call(held: true));
        await sink.ReachedAsync(3);
        link.Stall();
        TimeSpan stop = await worker.StopAsync();
        link.Cut();
        link.Flow();
        Stopwatch recovery = Stopwatch.StartNew();
        await using WorkerProcess other = WorkerProcess.Start(broker.ConnectionString, queue.Prefix, ("Worker:Concurrency", "3"));
        await sink.ReachedAsync(6);
        recovery.Stop();
        sink.Release();
        await queue.AllDoneAsync();
        await other.StopAsync();
        report.Add("worker stopped on a dead connection", await queue.CloseAsync(), string.Create(CultureInfo.InvariantCulture, $"ended: {stop.TotalSeconds:0.0} s (2 s drain); {Seconds("run by a new worker", recovery)}"));
        // With the default drain of 8 s that is what a supervisor waits before it kills.
        Assert.InRange(stop, TimeSpan.Zero, drain + TimeSpan.FromSeconds(4));
        Assert.Equal(0, worker.ExitCode);
    }

    private static async Task LoadAsync(FaultQueue queue, ITaskQueue producer, CancellationToken enough)
    {
        while (!enough.IsCancellationRequested)
        {
            await queue.EnqueueAsync(producer, 20);
        }
    }

    private static string Seconds(string what, Stopwatch time) => Seconds(what, time.Elapsed);

    private static string Seconds(string what, TimeSpan time) => string.Create(CultureInfo.InvariantCulture, $"{what}: {time.TotalSeconds:0.0} s");

    /// <summary>Acts at the very moment something is logged: in the middle of what the library does.</summary>
    private sealed class OnLog(string text, Action act) : ILoggerProvider, ILogger
    {
        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter)
        {
            if (formatter(state, exception).Contains(text, StringComparison.Ordinal))
            {
                act();
            }
        }

        public void Dispose()
        {
        }
    }
}
