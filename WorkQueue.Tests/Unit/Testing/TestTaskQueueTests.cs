using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using static WorkQueue.Tests.Unit.Testing.Probe;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>A queue in memory: what runs, and when.</summary>
public sealed class TestTaskQueueTests
{
    [Fact]
    public async Task Nothing_runs_before_the_test_says_so()
    {
        int runs = 0;
        await using TestTaskQueue queue = Queue((_, _) => Done(++runs));
        TestTask task = await queue.ProbeAsync("hello");
        Assert.Equal((TaskState.Queued, 0), (task.State, runs));
        await queue.RunAsync();
        Assert.Equal((TaskState.Succeeded, 1, 1), (task.State, task.Attempt, runs));
        Assert.Equal(1, task.ReadResult<int>());
        Assert.Equal("hello", task.ReadPayload<string>());
        Assert.Same(task, Assert.Single(queue.Tasks));
    }

    [Fact]
    public async Task A_failed_task_is_tried_again_after_the_delays_of_the_settings_and_dies_at_last()
    {
        await using TestTaskQueue queue = Queue((_, _) => throw new InvalidOperationException("boom"));
        DateTimeOffset start = queue.Clock.GetUtcNow();
        TestTask task = await queue.ProbeAsync();
        await queue.RunAsync();
        Assert.Equal((TaskState.Retrying, 2, start.AddSeconds(1)), (task.State, task.Attempt, task.NotBefore));
        await queue.AdvanceAsync(TimeSpan.FromSeconds(0.9));
        Assert.Equal(2, task.Attempt);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(0.1));
        Assert.Equal((3, start.AddSeconds(5)), (task.Attempt, task.NotBefore));
        await queue.AdvanceAsync(TimeSpan.FromMinutes(10));
        Assert.Equal((TaskState.DeadLettered, 5), (task.State, task.Attempt));
        Assert.Equal(("failed 5 of 5 attempts", "boom", "System.InvalidOperationException"), (task.Reason, task.Error, task.ErrorType));
        Assert.IsType<InvalidOperationException>(task.Exception);
        Assert.Equal(start.AddSeconds(1 + 4 + 16 + 64), Assert.Single(queue.DeadLetters).DeadAt);
        Assert.Equal(start.AddMinutes(10).AddSeconds(1), queue.Clock.GetUtcNow());
    }

    [Fact]
    public async Task A_rejected_task_and_one_that_nobody_handles_die_at_once()
    {
        await using TestTaskQueue queue = Queue((_, _) => throw new TaskRejectedException("no such customer"));
        TestTask rejected = await queue.ProbeAsync();
        EnqueuedTask unknown = await queue.EnqueueAsync("resize", new { width = 1 });
        await queue.RunAsync();
        Assert.Equal((TaskState.DeadLettered, "no such customer"), (rejected.State, rejected.Reason));
        Assert.Equal((TaskState.DeadLettered, "no handler for type resize"), (queue[unknown.Id].State, queue[unknown.Id].Reason));
        Assert.Equal([rejected.Id, unknown.Id], queue.DeadLetters.Select(letter => letter.Id));
    }

    [Fact]
    public async Task A_handler_chooses_the_delay_of_its_next_attempt()
    {
        await using TestTaskQueue queue = Queue((_, context) => context.Attempt == 1 ? throw new TaskRetryException("busy", TimeSpan.FromHours(2)) : Done());
        TestTask task = await queue.ProbeAsync();
        await queue.RunAsync();
        Assert.Equal((TaskState.Retrying, "busy", queue.Clock.GetUtcNow().AddHours(2)), (task.State, task.Reason, task.NotBefore));
        await queue.AdvanceAsync(TimeSpan.FromHours(2));
        Assert.Equal(TaskState.Succeeded, task.State);
    }

    [Fact]
    public async Task A_task_for_later_runs_at_its_time_and_in_the_order_of_the_times()
    {
        List<(string Text, DateTimeOffset At)> runs = [];
        await using TestTaskQueue queue = new(services => services.AddTaskHandler<string>("probe", (text, context) =>
        {
            runs.Add((text, context.Services.GetRequiredService<TimeProvider>().GetUtcNow()));
            return Task.CompletedTask;
        }));
        DateTimeOffset start = queue.Clock.GetUtcNow();
        TestTask late = await queue.ProbeAsync("late", start.AddHours(2));
        await queue.ProbeAsync("soon", start.AddMilliseconds(1234));
        await queue.ProbeAsync("now");
        Assert.Equal((TaskState.Scheduled, start.AddHours(2)), (late.State, late.NotBefore));
        await queue.AdvanceAsync(TimeSpan.FromHours(3));
        Assert.Equal([("now", start), ("soon", start.AddMilliseconds(1234)), ("late", start.AddHours(2))], runs);
    }

    [Fact]
    public async Task A_task_whose_deadline_has_passed_is_not_started()
    {
        int runs = 0;
        await using TestTaskQueue queue = Queue((_, _) => Done(++runs));
        TestTask task = await queue.ProbeAsync(deadline: queue.Clock.GetUtcNow().AddMinutes(1));
        queue.Clock.Advance(TimeSpan.FromMinutes(2));
        await queue.RunAsync();
        Assert.Equal((TaskState.DeadLettered, $"its deadline {task.Deadline:u} passed before it could start", 0), (task.State, task.Reason, runs));
    }

    [Fact]
    public async Task What_a_handler_enqueues_runs_too()
    {
        await using TestTaskQueue queue = new(services =>
        {
            services.AddTaskHandler<string, Splitter>("split");
            services.AddTaskHandler("word", (string word, TaskContext _) => Task.FromResult(word.Length));
        });
        await queue.EnqueueAsync("split", "one three");
        await queue.RunAsync();
        Assert.Equal(["split", "word", "word"], queue.Tasks.Select(task => task.Type));
        Assert.Equal([3, 5], queue.Tasks.Skip(1).Select(task => task.ReadResult<int>()));
    }

    [Fact]
    public async Task Many_tasks_are_enqueued_in_their_order_and_each_error_is_told()
    {
        await using TestTaskQueue queue = Queue((_, _) => Done(), options => options.MaxPayloadBytes = 10);
        IReadOnlyList<EnqueueResult> many = await queue.EnqueueManyAsync([NewTask.Json("probe", "1"), NewTask.Json("probe", "far too long"), NewTask.Json("probe", "2")]);
        Assert.Equal(InvalidTaskReason.TooLarge, Assert.IsType<InvalidTaskException>(many[1].Error).Reason);
        List<EnqueueResult> all = [];
        await foreach (EnqueueResult result in queue.EnqueueAllAsync(TwoMore()))
        {
            all.Add(result);
        }

        Assert.Equal(["1", "2", "3", "4"], queue.Tasks.Select(task => task.ReadPayload<string>()!));
        Assert.All(all, result => Assert.Equal(TaskState.Queued, result.Task?.State));

        static async IAsyncEnumerable<NewTask> TwoMore()
        {
            yield return NewTask.Json("probe", "3");
            await Task.Yield();
            yield return NewTask.Json("probe", "4");
        }
    }

    [Fact]
    public async Task The_test_own_services_and_middlewares_are_around_each_run()
    {
        List<string> log = [];
        await using TestTaskQueue queue = new(services =>
        {
            services.AddSingleton(log);
            services.AddTaskMiddleware<Logged>();
            services.AddTaskHandler<string>("probe", (text, context) =>
            {
                context.Services.GetRequiredService<List<string>>().Add(text);
                return Task.CompletedTask;
            });
        });
        await queue.ProbeAsync("run");
        await queue.RunAsync();
        Assert.Equal(["before", "run", "after"], log);
    }

    [Fact]
    public async Task What_the_test_has_in_its_execution_context_is_not_seen_by_its_handlers()
    {
        AsyncLocal<string> tenant = new() { Value = "of the test" };
        await using TestTaskQueue queue = Queue((_, _) => Done(tenant.Value ?? "none"));
        TestTask task = await queue.ProbeAsync();
        await queue.RunAsync();
        Assert.Equal("none", task.ReadResult<string>());
    }

    [Fact]
    public async Task A_task_that_enqueues_itself_without_end_is_an_error()
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler<int, Endless>("endless"));
        await queue.EnqueueAsync("endless", 1);
        InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(queue.RunAsync);
        Assert.Contains("without end", error.Message, StringComparison.Ordinal);
    }

    private sealed class Splitter(ITaskQueue tasks) : ITaskHandler<string>
    {
        public async Task<object?> HandleAsync(string payload, TaskContext context)
        {
            foreach (string word in payload.Split(' '))
            {
                await tasks.EnqueueAsync("word", word, context.CancellationToken);
            }

            return null;
        }
    }

    private sealed class Endless(ITaskQueue tasks) : ITaskHandler<int>
    {
        public async Task<object?> HandleAsync(int payload, TaskContext context) => await tasks.EnqueueAsync("endless", payload + 1, context.CancellationToken);
    }

    private sealed class Logged(List<string> log) : ITaskMiddleware
    {
        public async Task<object?> InvokeAsync(TaskContext context, Func<Task<object?>> next)
        {
            log.Add("before");
            object? result = await next();
            log.Add("after");
            return result;
        }
    }
}
