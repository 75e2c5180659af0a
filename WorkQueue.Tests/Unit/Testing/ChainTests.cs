using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using static WorkQueue.Tests.Unit.Testing.Probe;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>Chains in memory: the code is that of a worker.</summary>
public sealed class ChainTests
{
    private static readonly string[] Letters = ["a", "b", "c"];

    [Fact]
    public async Task Each_task_is_enqueued_when_the_one_before_has_succeeded_and_sees_all_results_before()
    {
        await using TestTaskQueue queue = Queue((text, context) => Done(text == "b" ? null : $"{text} after {string.Join(',', context.Previous)}"));
        EnqueuedTask first = await queue.EnqueueAsync(Chain("a", "b", "c"));
        Assert.Single(queue.Tasks);
        await queue.RunAsync();
        TaskChain chain = new() { First = first.Id, Place = 0 };
        Assert.Equal(Enumerable.Range(0, 3).Select(chain.IdOf), queue.Tasks.Select(task => task.Id));
        Assert.Equal(Letters, queue.Tasks.Select(task => task.ReadPayload<string>()));
        Assert.Equal("c after a after ,", queue.Tasks[2].ReadResult<string>());
        Assert.Equal([2, 1, 0], queue.Tasks.Select(task => task.History[0].Then.Count));
        Assert.Equal([0, 1, 2], queue.Tasks.Select(task => task.History[0].Chain!.Place));
    }

    [Fact]
    public async Task Results_are_read_as_the_program_reads_JSON_and_one_that_does_not_fit_rejects()
    {
        List<object?> seen = [];
        await using TestTaskQueue queue = Queue((text, context) =>
        {
            if (text == "c")
            {
                seen.AddRange([context.Previous.Get<Point>(0), context.Previous.Last<string?>(), context.Previous.Count]);
                context.Previous.Get<int>(0);
            }

            return Done(text == "a" ? new Point(3, 4) : null);
        });
        await queue.EnqueueAsync(Chain("a", "b", "c"));
        await queue.RunAsync();
        Assert.Equal([new Point(3, 4), null, 2], seen);
        Assert.Equal(TaskState.DeadLettered, queue.Tasks[2].State);
        Assert.StartsWith("the earlier result 0 is no Int32: ", queue.Tasks[2].Reason, StringComparison.Ordinal);
        Assert.Equal("there is no earlier result 0: 0 tasks of its chain ran before it", Assert.Throws<TaskRejectedException>(() => TaskResults.None.Get<int>(0)).Message);
    }

    [Fact]
    public async Task A_retry_keeps_what_came_before_and_what_comes_after()
    {
        await using TestTaskQueue queue = Queue((text, context) => text == "b" && context.Attempt < 3 ? throw new InvalidOperationException("boom") : Done($"{text}{context.Previous.Count}"));
        await queue.EnqueueAsync(Chain("a", "b", "c"));
        await queue.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(["a0", "b1", "c2"], queue.Tasks.Select(task => task.ReadResult<string>()));
        Assert.Equal(3, queue.Tasks[1].Attempt);
    }

    [Fact]
    public async Task A_dead_letter_keeps_what_comes_after_it_and_its_redrive_goes_on()
    {
        bool isDown = true;
        await using TestTaskQueue queue = Queue((text, context) => text == "b" && isDown ? throw new TaskRejectedException("down") : Done($"{text}{context.Previous.Count}"));
        await queue.EnqueueAsync(Chain("a", "b", "c"));
        await queue.RunAsync();
        DeadLetter letter = Assert.Single(queue.DeadLetters);
        Assert.Equal((1, 1, "probe"), (letter.Chain!.Place, letter.Chain.Previous.Count, Assert.Single(letter.Then).Type));
        Assert.Equal(2, queue.Tasks.Count);
        isDown = false;
        await queue.RedriveAsync();
        await queue.RunAsync();
        Assert.Equal(["a0", "b1", "c2"], queue.Tasks.Select(task => task.ReadResult<string>()));
    }

    [Fact]
    public async Task A_delay_begins_when_the_task_before_has_ended()
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler("probe", async (string _, TaskContext context) =>
            await Task.Delay(TimeSpan.FromMinutes(1), context.Services.GetRequiredService<TimeProvider>(), context.CancellationToken)));
        DateTimeOffset start = queue.Clock.GetUtcNow();
        await queue.EnqueueAsync(Json("a") with { Then = [Json("b") with { Delay = TimeSpan.FromHours(2) }] });
        await queue.AdvanceAsync(TimeSpan.FromMinutes(90));
        Assert.Equal((TaskState.Scheduled, start.AddMinutes(121)), (queue.Tasks[1].State, queue.Tasks[1].NotBefore));
        await queue.AdvanceAsync(TimeSpan.FromHours(1));
        Assert.Equal(TaskState.Succeeded, queue.Tasks[1].State);
    }

    [Fact]
    public async Task A_result_that_does_not_travel_makes_a_dead_letter_that_says_so_and_keeps_the_rest()
    {
        await using TestTaskQueue queue = Queue((text, _) => Done(text == "large" ? new string('x', 40_000) : text == "unwritable" ? new Func<int>(() => 1) : new string('x', 20_000)));
        foreach (string text in (string[])["large", "unwritable"])
        {
            await queue.EnqueueAsync(Chain(text, "b"));
        }

        await queue.EnqueueAsync(Chain("a", "b", "c", "d"));
        await queue.RunAsync();
        Assert.Equal(3, queue.DeadLetters.Count);
        Assert.Equal("it has run, but its chain does not go on: the results until here have 40004 bytes as JSON; 32768 travel with a task. Return a reference to what is large", queue.DeadLetters[0].Reason);
        Assert.StartsWith("it has run, but its chain does not go on without its result: The result cannot be written as JSON", queue.DeadLetters[1].Reason, StringComparison.Ordinal);
        Assert.Equal((1, 2), (queue.DeadLetters[2].Chain!.Place, queue.DeadLetters[2].Then.Count));
        Assert.All(queue.DeadLetters, letter => Assert.Equal(1, letter.Attempt));
    }

    [Fact]
    public async Task The_result_of_the_last_task_may_be_as_large_as_any()
    {
        await using TestTaskQueue queue = Queue((text, _) => Done(text == "b" ? new string('x', 60_000) : null));
        await queue.EnqueueAsync(Chain("a", "b"));
        await queue.RunAsync();
        Assert.Equal(60_000, queue.Tasks[1].ReadResult<string>()!.Length);
    }

    [Fact]
    public async Task A_call_is_answered_with_the_result_of_the_first_task_and_the_chain_goes_on()
    {
        await using TestTaskQueue queue = Queue((text, context) => Done($"{text}{context.Deadline is null}"));
        Assert.Equal("aFalse", await queue.CallAsync<string>(Chain("a", "b"), TimeSpan.FromSeconds(10)));
        await queue.RunAsync();
        Assert.Equal("bTrue", queue.Tasks[1].ReadResult<string>());
    }

    [Fact]
    public async Task A_task_that_nobody_handles_keeps_the_rest()
    {
        await using TestTaskQueue queue = Queue((text, _) => Done(text));
        await queue.EnqueueAsync(Json("a") with { Then = [Json("b") with { Type = "resize" }, Json("c")] });
        await queue.RunAsync();
        Assert.Equal(("no handler for type resize", 1), (Assert.Single(queue.DeadLetters).Reason, queue.DeadLetters[0].Then.Count));
    }

    [Fact]
    public async Task A_task_test_gives_a_handler_the_results_before_it()
    {
        TaskTestResult run = await TaskTest.RunAsync(new Sum(), "x", new TaskTestSettings { Previous = [1, new Point(3, 4), null] });
        Assert.Equal("1, 4, 3", run.ReadResult<string>());
        Assert.Empty(run.Enqueued);
    }

    private static NewTask Json(string text) => NewTask.Json("probe", text);

    private static NewTask Chain(string first, params string[] then) => Json(first) with { Then = [.. then.Select(Json)] };

    private sealed record Point(int X, int Y);

    private sealed class Sum : ITaskHandler<string>
    {
        public Task<object?> HandleAsync(string payload, TaskContext context) =>
            Task.FromResult<object?>($"{context.Previous.Get<int>(0)}, {context.Previous.Get<Point>(1)!.Y}, {(context.Previous.Last<Point>() is null ? context.Previous.Count : 0)}");
    }
}
