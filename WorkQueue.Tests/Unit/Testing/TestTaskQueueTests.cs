using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
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
        Assert.Equal((TaskState.DeadLettered, "its deadline 2000-01-01 00:01:00Z passed before it could start", 0), (task.State, task.Reason, runs));
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
    public async Task Progress_is_kept_report_by_report()
    {
        await using TestTaskQueue queue = Queue((_, context) =>
        {
            context.ReportProgress(10, "reading");
            context.ReportProgress(250);
            return Done();
        });
        TestTask task = await queue.ProbeAsync();
        await queue.RunAsync();
        Assert.Equal([(10, "reading"), (100, null)], task.Progress);
    }

    [Fact]
    public async Task A_result_that_cannot_be_kept_is_told_to_who_reads_it()
    {
        await using TestTaskQueue queue = Queue((text, _) => Done(text == "large" ? new string('x', 100) : text == "none" ? null : new Func<int>(() => 1)), options => options.MaxResultBytes = 50);
        TestTask large = await queue.ProbeAsync("large");
        TestTask odd = await queue.ProbeAsync("odd");
        TestTask none = await queue.ProbeAsync("none");
        await queue.RunAsync();
        Assert.Equal([TaskState.Succeeded, TaskState.Succeeded], [large.State, odd.State]);
        Assert.Equal("Its result was not kept: The result has more than 50 bytes.", Assert.Throws<InvalidOperationException>(large.ReadResult<string>).Message);
        Assert.Contains("cannot be written as JSON", Assert.Throws<InvalidOperationException>(odd.ReadResult<string>).Message, StringComparison.Ordinal);
        Assert.Null(none.ReadResult<string>());
    }

    [Fact]
    public async Task A_payload_that_does_not_fit_is_a_dead_letter()
    {
        await using TestTaskQueue queue = Queue((_, _) => Done());
        EnqueuedTask task = await queue.EnqueueAsync(new NewTask { Type = "probe", Body = "{\"a"u8.ToArray(), ContentType = "application/json" });
        await queue.RunAsync();
        Assert.StartsWith("the payload does not fit type probe: ", queue[task.Id].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dead_letters_are_redriven_and_discarded()
    {
        bool works = false;
        await using TestTaskQueue queue = Queue((_, _) => works ? Done("now") : throw new TaskRejectedException("not yet"));
        TestTask first = await queue.ProbeAsync();
        TestTask second = await queue.ProbeAsync();
        await queue.RunAsync();
        works = true;
        Assert.Equal(1, await queue.RedriveAsync(new DeadLetterFilter { Ids = new HashSet<string> { first.Id } }));
        Assert.Equal(TaskState.Queued, first.State);
        await queue.RunAsync();
        Assert.Equal((TaskState.Succeeded, "now"), (first.State, first.ReadResult<string>()));
        Assert.Equal(second.Id, Assert.Single(queue.DeadLetters).Id);
        Assert.Equal(1, await queue.DiscardAsync());
        Assert.Equal((TaskState.Cancelled, "dead letter discarded"), (second.State, second.Reason));
        Assert.Empty(queue.DeadLetters);
        await Assert.ThrowsAsync<InvalidTaskException>(() => queue.RedriveAsync(new DeadLetterFilter { Queue = "nowhere" }));
    }

    [Fact]
    public async Task Wrong_settings_and_tasks_are_refused_as_by_a_real_queue()
    {
        OptionsValidationException wrong = Assert.Throws<OptionsValidationException>(() => Queue((_, _) => Done(), options => options.Worker.Concurrency = 0));
        Assert.Contains("WorkQueue:Worker:Concurrency is '0'; allowed: 1 to 1024.", wrong.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new TestTaskQueue(services => services.AddTaskHandler<string>("no type!", (_, _) => Task.CompletedTask)));
        await using TestTaskQueue queue = Queue((_, _) => Done(), options =>
        {
            options.Types["probe"] = new TaskTypeOptions();
            options.Queues["small"] = new QueueOptions { MaxLength = 1 };
        });
        InvalidTaskException noQueue = await Assert.ThrowsAsync<InvalidTaskException>(() => queue.EnqueueAsync(NewTask.Json("probe", "") with { Queue = "nowhere" }));
        InvalidTaskException noType = await Assert.ThrowsAsync<InvalidTaskException>(() => queue.EnqueueAsync("resize", ""));
        Assert.Equal((InvalidTaskReason.UnknownQueue, InvalidTaskReason.UnknownType), (noQueue.Reason, noType.Reason));
        await queue.EnqueueAsync(NewTask.Json("probe", "") with { Queue = "small" });
        TaskNotEnqueuedException full = await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => queue.EnqueueAsync(NewTask.Json("probe", "") with { Queue = "small" }));
        Assert.Equal(PublishOutcome.QueueFull, full.Outcome);
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
