using System.Text.Json.Serialization;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>One attempt of one handler.</summary>
public sealed class TaskTestTests
{
    [Fact]
    public async Task A_handler_that_succeeds_gives_its_result_its_progress_and_what_it_enqueued()
    {
        TaskTestResult run = await TaskTest.RunAsync(tasks => new Order(tasks), new OrderPayload("book", 3));
        Assert.Equal(TaskState.Succeeded, run.State);
        Assert.Equal(("book", 3), (run.ReadResult<OrderPayload>()!.Item, run.ReadResult<OrderPayload>()!.Count));
        Assert.Equal([(50, "mail")], run.Progress);
        TestTask mail = Assert.Single(run.Enqueued);
        Assert.Equal(("mail", "3 book", TaskState.Queued), (mail.Type, mail.ReadPayload<string>(), mail.State));
        Assert.Null(run.Reason);
        Assert.Null(run.Exception);
        Assert.Null(run.RetryAfter);
    }

    [Fact]
    public async Task A_token_that_is_cancelled_already_cuts_the_attempt_at_once()
    {
        TaskTestResult run = await TaskTest.RunAsync(new Waits(null), "x", null, new CancellationToken(canceled: true)).WaitAsync(TestEnvironment.Patience / 2);
        Assert.Equal(TaskState.Queued, run.State);
    }

    [Fact]
    public async Task Payload_and_result_are_the_programs_own_JSON()
    {
        TaskTestSettings settings = new() { Services = services => services.Configure<TaskJsonOptions>(json => json.SerializerOptions.Converters.Add(new JsonStringEnumConverter())) };
        TaskTestResult<DayOfWeek> run = await TaskTest.RunAsync(new NextDay(), DayOfWeek.Friday, settings);
        Assert.Equal((DayOfWeek.Saturday, "Saturday"), (run.Result, run.ReadResult<string>()));
    }

    [Fact]
    public async Task A_result_has_its_type()
    {
        TaskTestResult<int> run = await TaskTest.RunAsync(new Length(), "four");
        Assert.Equal(4, run.Result);
        TaskTestResult<int> created = await TaskTest.RunAsync(_ => new Length(), "four");
        Assert.Equal(4, created.Result);
    }

    [Fact]
    public async Task A_failure_tells_when_it_is_tried_again_and_the_last_one_is_a_dead_letter()
    {
        TaskTestResult<int> first = await TaskTest.RunAsync(new Length(), "");
        Assert.Equal((TaskState.Retrying, TimeSpan.FromSeconds(1), "empty"), (first.State, first.RetryAfter, first.Reason));
        Assert.IsType<FormatException>(first.Exception);
        Assert.Contains("empty", Assert.Throws<InvalidOperationException>(() => first.Result).Message, StringComparison.Ordinal);
        TaskTestResult<int> third = await TaskTest.RunAsync(new Length(), "", new TaskTestSettings { Attempt = 3 });
        Assert.Equal(TimeSpan.FromSeconds(16), third.RetryAfter);
        TaskTestResult<int> last = await TaskTest.RunAsync(new Length(), "", new TaskTestSettings { Attempt = 2, Options = options => options.Retry.Delays = [TimeSpan.Zero] });
        Assert.Equal((TaskState.DeadLettered, "failed 2 of 2 attempts"), (last.State, last.Reason));
    }

    [Fact]
    public async Task A_rejection_and_a_chosen_delay_are_told()
    {
        TaskTestResult<int> rejected = await TaskTest.RunAsync(new Length(), "reject");
        Assert.Equal((TaskState.DeadLettered, "not this one"), (rejected.State, rejected.Reason));
        TaskTestResult<int> later = await TaskTest.RunAsync(new Length(), "later");
        Assert.Equal((TaskState.Retrying, TimeSpan.FromMinutes(3)), (later.State, later.RetryAfter));
    }

    [Fact]
    public async Task The_handler_sees_the_task_that_the_test_describes()
    {
        Seen seen = new();
        await TaskTest.RunAsync(seen, 1, new TaskTestSettings { Type = "look", Id = "7", Attempt = 2 });
        Assert.Equal(("look", "7", 2, "default"), (seen.Context!.Type, seen.Context.Id, seen.Context.Attempt, seen.Context.Queue));
    }

    [Fact]
    public async Task A_token_that_the_test_cancels_is_cancelled_for_the_handler_which_runs_again()
    {
        using CancellationTokenSource stop = new();
        TaskTestResult run = await TaskTest.RunAsync(new Waits(stop), "", cancellationToken: stop.Token);
        Assert.Equal((TaskState.Queued, "the worker stops"), (run.State, run.Reason));
    }

    [Fact]
    public async Task A_handler_that_does_not_end_is_an_error_and_no_hang()
    {
        TaskTestSettings settings = new() { Patience = TimeSpan.FromMilliseconds(100) };
        await Assert.ThrowsAsync<TimeoutException>(() => TaskTest.RunAsync(new Waits(null), "", settings));
        await Assert.ThrowsAsync<InvalidOperationException>(() => TaskTest.RunAsync(tasks => new Calls(tasks), ""));
    }

    [Fact]
    public async Task A_payload_that_no_queue_takes_is_refused()
    {
        InvalidTaskException error = await Assert.ThrowsAsync<InvalidTaskException>(
            () => TaskTest.RunAsync(new Length(), "too long", new TaskTestSettings { Options = options => options.MaxPayloadBytes = 3 }));
        Assert.Equal(InvalidTaskReason.TooLarge, error.Reason);
    }

    private sealed record OrderPayload(string Item, int Count);

    private sealed class Order(ITaskQueue tasks) : ITaskHandler<OrderPayload>
    {
        public async Task<object?> HandleAsync(OrderPayload payload, TaskContext context)
        {
            context.ReportProgress(50, "mail");
            await tasks.EnqueueAsync("mail", $"{payload.Count} {payload.Item}", context.CancellationToken);
            return payload;
        }
    }

    private sealed class Length : ITaskHandler<string, int>
    {
        public Task<int> HandleAsync(string payload, TaskContext context) => payload switch
        {
            "" => throw new FormatException("empty"),
            "reject" => throw new TaskRejectedException("not this one"),
            "later" => throw new TaskRetryException("later", TimeSpan.FromMinutes(3)),
            _ => Task.FromResult(payload.Length),
        };
    }

    private sealed class NextDay : ITaskHandler<DayOfWeek, DayOfWeek>
    {
        public Task<DayOfWeek> HandleAsync(DayOfWeek payload, TaskContext context) => Task.FromResult(payload + 1);
    }

    private sealed class Seen : ITaskHandler<int>
    {
        public TaskContext? Context { get; private set; }

        public Task<object?> HandleAsync(int payload, TaskContext context)
        {
            Context = context;
            return Task.FromResult<object?>(null);
        }
    }

    private sealed class Waits(CancellationTokenSource? stop) : ITaskHandler<string>
    {
        public async Task<object?> HandleAsync(string payload, TaskContext context)
        {
            stop?.CancelAfter(TimeSpan.FromMilliseconds(50));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
            return null;
        }
    }

    private sealed class Calls(ITaskQueue tasks) : ITaskHandler<string>
    {
        public async Task<object?> HandleAsync(string payload, TaskContext context) => await tasks.CallAsync<int>("other", "", TimeSpan.FromMinutes(1), context.CancellationToken);
    }
}
