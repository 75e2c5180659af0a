using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using static WorkQueue.Tests.Unit.Testing.Probe;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>Calls and events of a queue in memory.</summary>
public sealed class CallAndEventTests
{
    private static readonly TimeSpan Timeout = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task A_call_runs_the_queue_and_turns_the_clock_until_its_reply()
    {
        await using TestTaskQueue queue = Queue((text, context) => context.Attempt < 3 ? throw new InvalidOperationException("boom") : Done(text.Length));
        DateTimeOffset start = queue.Clock.GetUtcNow();
        Assert.Equal(3, await queue.CallAsync<int>("probe", "abc", Timeout));
        Assert.Equal(start.AddSeconds(5), queue.Clock.GetUtcNow());
        Assert.Equal(3, Assert.Single(queue.Tasks).Attempt);
    }

    [Fact]
    public async Task A_call_that_fails_tells_the_error_of_the_task()
    {
        await using TestTaskQueue queue = Queue((_, _) => throw new TaskRejectedException("no such customer", new KeyNotFoundException("7")));
        CallFailedException failed = await Assert.ThrowsAsync<CallFailedException>(() => queue.CallAsync<int>("probe", "", Timeout));
        Assert.Equal((CallOutcome.Failed, "System.Collections.Generic.KeyNotFoundException", "7"), (failed.Outcome, failed.RemoteErrorType, failed.RemoteError));
    }

    [Fact]
    public async Task A_call_whose_task_takes_too_long_times_out_by_the_clock()
    {
        await using TestTaskQueue queue = Queue(async (_, context) =>
        {
            await Task.Delay(TimeSpan.FromMinutes(5), context.Services.GetRequiredService<TimeProvider>(), context.CancellationToken);
            return null;
        });
        DateTimeOffset start = queue.Clock.GetUtcNow();
        CallFailedException failed = await Assert.ThrowsAsync<CallFailedException>(() => queue.CallAsync<int>("probe", "", Timeout));
        Assert.Equal((CallOutcome.TimedOut, start + Timeout), (failed.Outcome, queue.Clock.GetUtcNow()));
    }

    [Fact]
    public async Task A_call_that_is_not_acceptable_runs_nothing()
    {
        await using TestTaskQueue queue = Queue((_, _) => Done());
        await queue.ProbeAsync();
        await Assert.ThrowsAsync<InvalidTaskException>(() => queue.CallAsync<int>(NewTask.Json("probe", "") with { Queue = "nowhere" }, Timeout));
        await Assert.ThrowsAsync<ArgumentOutOfRangeException>(() => queue.CallAsync<int>("probe", "", TimeSpan.Zero));
        Assert.Equal(TaskState.Queued, Assert.Single(queue.Tasks).State);
    }

    [Fact]
    public async Task A_handler_that_calls_another_task_goes_on_with_its_result()
    {
        await using TestTaskQueue queue = new(services =>
        {
            services.AddTaskHandler<int, int, Caller>("twice-and-one");
            services.AddTaskHandler("twice", (int number, TaskContext context) => context.Attempt == 1 ? throw new InvalidOperationException("boom") : Task.FromResult(2 * number));
        });
        EnqueuedTask task = await queue.EnqueueAsync("twice-and-one", 20);
        await queue.RunAsync();
        Assert.Equal(TaskState.Running, queue[task.Id].State);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(41, queue[task.Id].ReadResult<int>());
    }

    [Fact]
    public async Task A_handler_cannot_run_the_queue_that_runs_it()
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler<int>("probe", async (_, context) => await ((TestTaskQueue)context.Services.GetRequiredService<ITaskQueue>()).RunAsync()));
        EnqueuedTask task = await queue.EnqueueAsync("probe", 1);
        await queue.RunAsync();
        Assert.Equal("A handler cannot run the queue that runs it.", queue[task.Id].Error);
    }

    [Fact]
    public async Task Events_reach_the_subscriptions_whose_pattern_fits()
    {
        List<string> log = [];
        await using TestTaskQueue queue = new(services =>
        {
            services.AddEventHandler<int>("orders.*", (order, context) => Note($"{context.Topic} {order}"));
            services.AddEventHandler<int>("orders.paid", (order, context) => context.Attempt == 1 ? throw new InvalidOperationException("boom") : Note($"bill {order}, attempt {context.Attempt}"), "bills");
            services.AddEventHandler<int>("#", (_, _) => throw new InvalidOperationException("passed over"));
        });
        ITaskEvents events = queue.Services.GetRequiredService<ITaskEvents>();
        await events.PublishAsync("orders.paid", 7);
        await queue.RunAsync();
        Assert.Equal(["orders.paid 7"], log);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(["orders.paid 7", "bill 7, attempt 2"], log);
        Assert.Equal("passed over", Assert.Single(queue.EventErrors).Message);
        Assert.Empty(queue.Tasks);
        await Assert.ThrowsAsync<InvalidEventException>(() => events.PublishAsync("task.created", 1));

        Task Note(string line)
        {
            log.Add(line);
            return Task.CompletedTask;
        }
    }

    [Fact]
    public async Task An_event_that_a_durable_subscription_cannot_handle_is_a_dead_letter()
    {
        await using TestTaskQueue queue = new(services => services.AddEventHandler<int>("orders.#", (_, _) => throw new TaskRejectedException("no"), "bills"));
        await queue.Services.GetRequiredService<ITaskEvents>().PublishAsync("orders.paid", 7);
        await queue.RunAsync();
        DeadLetter letter = Assert.Single(queue.DeadLetters);
        Assert.Equal(("sub.bills", "orders.paid", "no"), (letter.Queue, letter.Topic, letter.Reason));
    }

    private sealed class Caller(ITaskQueue tasks) : ITaskHandler<int, int>
    {
        public async Task<int> HandleAsync(int payload, TaskContext context) => 1 + await tasks.CallAsync<int>("twice", payload, Timeout, context.CancellationToken);
    }
}
