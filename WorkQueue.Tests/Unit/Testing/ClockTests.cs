using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using static WorkQueue.Tests.Unit.Testing.Probe;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>Handlers that wait, and how the clock of a queue in memory lets them go on.</summary>
public sealed class ClockTests
{
    [Fact]
    public async Task A_handler_that_waits_for_the_clock_runs_until_then_and_goes_on_when_the_clock_is_turned()
    {
        await using TestTaskQueue queue = Queue(async (_, context) =>
        {
            TimeProvider clock = context.Services.GetRequiredService<TimeProvider>();
            Task half = Task.Delay(TimeSpan.FromSeconds(30), clock, context.CancellationToken);
            context.ReportProgress(0);
            await half;
            context.ReportProgress(50);
            await Task.Delay(TimeSpan.FromSeconds(30), clock, context.CancellationToken);
            return "done";
        });
        TestTask task = await queue.ProbeAsync();
        await queue.RunAsync();
        Assert.Equal(TaskState.Running, task.State);
        Assert.Equal([(0, null)], task.Progress);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(30));
        Assert.Equal([(0, null), (50, null)], task.Progress);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(29));
        Assert.Equal(TaskState.Running, task.State);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal((TaskState.Succeeded, "done"), (task.State, task.ReadResult<string>()));
    }

    [Fact]
    public async Task One_that_waits_lets_the_next_begin()
    {
        List<string> log = [];
        await using TestTaskQueue queue = Queue(async (text, context) =>
        {
            log.Add($"{text} begins");
            await Task.Delay(TimeSpan.FromSeconds(text.Length), context.Services.GetRequiredService<TimeProvider>(), context.CancellationToken).ConfigureAwait(false);
            log.Add($"{text} ends");
            return null;
        });
        await queue.ProbeAsync("three");
        await queue.ProbeAsync("one");
        await queue.RunAsync();
        Assert.Equal(["three begins", "one begins"], log);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(10));
        Assert.Equal(["three begins", "one begins", "one ends", "three ends"], log);
    }

    [Fact]
    public async Task A_periodic_timer_ticks_as_often_as_the_time_that_passes()
    {
        await using TestTaskQueue queue = Queue(async (_, context) =>
        {
            using PeriodicTimer timer = new(TimeSpan.FromMinutes(1), context.Services.GetRequiredService<TimeProvider>());
            for (int tick = 1; tick <= 10 && await timer.WaitForNextTickAsync(context.CancellationToken); tick++)
            {
                context.ReportProgress(tick);
            }

            return null;
        });
        TestTask task = await queue.ProbeAsync();
        await queue.AdvanceAsync(TimeSpan.FromMinutes(3));
        Assert.Equal([(1, null), (2, null), (3, null)], task.Progress);
        await queue.AdvanceAsync(TimeSpan.FromMinutes(7));
        Assert.Equal((TaskState.Succeeded, 10), (task.State, task.Progress.Count));
    }

    [Fact]
    public async Task A_run_longer_than_its_timeout_is_cancelled_and_tried_again()
    {
        await using TestTaskQueue queue = Queue(
            async (_, context) =>
            {
                await Task.Delay(TimeSpan.FromDays(1), context.Services.GetRequiredService<TimeProvider>(), context.CancellationToken);
                return null;
            },
            options => options.Types["probe"] = new TaskTypeOptions { Timeout = TimeSpan.FromMinutes(5), RetryDelays = [TimeSpan.FromSeconds(10)] });
        TestTask task = await queue.ProbeAsync();
        await queue.AdvanceAsync(TimeSpan.FromMinutes(5));
        Assert.Equal((TaskState.Retrying, "timed out after 00:05:00", 2), (task.State, task.Reason, task.Attempt));
        await queue.AdvanceAsync(TimeSpan.FromMinutes(6));
        Assert.Equal((TaskState.DeadLettered, "failed 2 of 2 attempts"), (task.State, task.Reason));
        Assert.IsType<TimeoutException>(task.Exception);
    }

    [Fact]
    public async Task A_handler_that_hangs_and_ignores_its_token_is_given_up_after_its_timeout_and_the_grace()
    {
        TaskCompletionSource<object?> never = new();
        await using TestTaskQueue queue = Queue((_, _) => never.Task, options => options.Retry.Delays = []);
        queue.Patience = TimeSpan.FromMilliseconds(100);
        TestTask task = await queue.ProbeAsync();
        await queue.AdvanceAsync(TimeSpan.FromMinutes(25));
        Assert.Equal(TaskState.Running, task.State);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(10));
        Assert.Equal((TaskState.DeadLettered, "failed 1 of 1 attempts"), (task.State, task.Reason));
    }

    [Fact]
    public async Task A_handler_that_waits_for_anything_else_is_waited_for()
    {
        await using TestTaskQueue queue = Queue(async (_, context) =>
        {
            using CancellationTokenSource limit = new(TimeSpan.FromSeconds(1), context.Services.GetRequiredService<TimeProvider>());
            await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, limit.Token);
            return "not cut";
        });
        TestTask task = await queue.ProbeAsync();
        await queue.RunAsync();
        Assert.Equal("not cut", task.ReadResult<string>());
    }

    [Fact]
    public async Task A_handler_that_neither_ends_nor_waits_for_the_clock_is_an_error_and_no_hang()
    {
        TaskCompletionSource<object?> outside = new();
        await using TestTaskQueue queue = Queue((_, _) => outside.Task);
        queue.Patience = TimeSpan.FromMilliseconds(100);
        TestTask task = await queue.ProbeAsync();
        TimeoutException error = await Assert.ThrowsAsync<TimeoutException>(queue.RunAsync);
        Assert.Contains($"'probe {task.Id}' has run for 0.1 s of real time", error.Message, StringComparison.Ordinal);
        await Assert.ThrowsAsync<TimeoutException>(queue.RunAsync);
        outside.SetResult("at last");
        await queue.RunAsync();
        Assert.Equal("at last", task.ReadResult<string>());
    }

    [Fact]
    public async Task What_waits_for_another_task_by_a_lock_goes_on_before_the_clock_does()
    {
        using SemaphoreSlim one = new(1);
        await using TestTaskQueue queue = Queue(async (_, context) =>
        {
            await one.WaitAsync(context.CancellationToken);
            await Task.Delay(TimeSpan.FromSeconds(1), context.Services.GetRequiredService<TimeProvider>(), context.CancellationToken);
            one.Release();
            return null;
        });
        queue.Patience = TimeSpan.FromMilliseconds(200);
        TestTask[] tasks = [await queue.ProbeAsync(), await queue.ProbeAsync()];
        await queue.AdvanceAsync(TimeSpan.FromSeconds(5));
        Assert.All(tasks, task => Assert.Equal(TaskState.Succeeded, task.State));
    }

    [Fact]
    public async Task A_handler_that_blocks_its_thread_is_an_error_and_no_hang()
    {
        using ManualResetEventSlim open = new();
        await using TestTaskQueue queue = Queue((_, _) =>
        {
            open.Wait();
            return Done();
        });
        queue.Patience = TimeSpan.FromMilliseconds(100);
        TestTask task = await queue.ProbeAsync();
        await Assert.ThrowsAsync<TimeoutException>(queue.RunAsync);
        open.Set();
        queue.Patience = TimeSpan.FromSeconds(10);
        await queue.RunAsync();
        Assert.Equal(TaskState.Succeeded, task.State);
    }

    [Fact]
    public async Task A_handler_that_blocks_its_thread_after_a_wait_is_an_error_and_no_hang()
    {
        using ManualResetEventSlim open = new();
        await using TestTaskQueue queue = Queue(async (_, context) =>
        {
            await Task.Delay(TimeSpan.FromSeconds(1), context.Services.GetRequiredService<TimeProvider>());
            open.Wait();
            return null;
        });
        TestTask task = await queue.ProbeAsync();
        await queue.RunAsync();
        queue.Patience = TimeSpan.FromMilliseconds(100);
        await Assert.ThrowsAsync<TimeoutException>(() => queue.AdvanceAsync(TimeSpan.FromSeconds(1)));
        open.Set();
        queue.Patience = TimeSpan.FromSeconds(10);
        await queue.RunAsync();
        Assert.Equal(TaskState.Succeeded, task.State);
    }

    [Fact]
    public async Task What_still_runs_at_the_end_of_the_test_has_its_token_cancelled()
    {
        TaskCompletionSource cancelled = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using (TestTaskQueue queue = Queue(async (_, context) =>
        {
            await using CancellationTokenRegistration end = context.CancellationToken.Register(() => cancelled.TrySetResult());
            await Task.Delay(TimeSpan.FromHours(1), context.Services.GetRequiredService<TimeProvider>(), context.CancellationToken);
            return null;
        }))
        {
            await queue.ProbeAsync();
            await queue.RunAsync();
        }

        await cancelled.Task.WaitAsync(TimeSpan.FromSeconds(10), TimeProvider.System);
    }
}
