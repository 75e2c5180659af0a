using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>Schedules in the queue in memory: the same scheduler, a clock to turn.</summary>
public sealed class ScheduleTests
{
    [Fact]
    public async Task A_schedule_in_the_settings_enqueues_a_task_each_time_it_is_due()
    {
        await using TestTaskQueue queue = Queue(options => options.Schedules["hourly"] = new ScheduleOptions { Cron = "0 * * * *", Type = "probe", Payload = "\"text\"" });
        await queue.RunAsync();
        Assert.Empty(queue.Tasks);
        await queue.AdvanceAsync(TimeSpan.FromHours(3));
        Assert.Equal(3, queue.Tasks.Count);
        Assert.All(queue.Tasks, task => Assert.Equal((TaskState.Succeeded, "text"), (task.State, task.ReadPayload<string>())));
        Assert.All(queue.Tasks, task => Assert.Equal((0, 0), (task.EnqueuedAt!.Value.Minute, task.EnqueuedAt.Value.Second)));
        Assert.Equal(3, queue.Tasks.Select(task => task.Id).Distinct().Count());
    }

    [Fact]
    public async Task One_made_in_code_is_paused_resumed_run_and_removed()
    {
        await using TestTaskQueue queue = Queue();
        ISchedules schedules = queue.Services.GetRequiredService<ISchedules>();
        Schedule made = await schedules.DefineAsync("often", new ScheduleOptions { Cron = "*/10 * * * * *", Type = "probe", Payload = "\"often\"" });
        Assert.Equal(5, made.Next.Count);
        Assert.True(await schedules.PauseAsync("often"));
        await queue.AdvanceAsync(TimeSpan.FromMinutes(10));
        Assert.Empty(queue.Tasks);
        Assert.True(await schedules.ResumeAsync("often"));
        await queue.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(6, queue.Tasks.Count);
        string? id = await schedules.RunAsync("often");
        await queue.RunAsync();
        Assert.Equal(TaskState.Succeeded, queue[id!].State);
        Schedule known = (await schedules.FindAsync("often"))!;
        Assert.Equal((7, true, id), (known.Runs.Count, known.Runs[0].IsManual, known.Runs[0].TaskId));
        Assert.True(await schedules.RemoveAsync("often"));
        Assert.Empty(await schedules.ListAsync());
        await queue.AdvanceAsync(TimeSpan.FromMinutes(1));
        Assert.Equal(7, queue.Tasks.Count);
        Assert.False(await schedules.PauseAsync("often"));
        Assert.Null(await schedules.RunAsync("often"));
    }

    [Fact]
    public async Task An_occurrence_whose_forerunner_has_not_ended_is_left_out_where_that_is_asked_for()
    {
        await using TestTaskQueue queue = Queue(
            options =>
            {
                options.Schedules["long"] = new ScheduleOptions { Cron = "* * * * *", Type = "probe", Payload = "\"long\"", Overlap = OverlapRule.Skip };
                options.Retry.Delays = [TimeSpan.FromSeconds(150)];
            },
            (_, context) => context.Attempt == 1 ? throw new InvalidOperationException("not yet") : Task.CompletedTask);
        await queue.AdvanceAsync(TimeSpan.FromMinutes(6.5));
        // Each fails, is tried again two minutes and a half later and ends then; the two in between are left out.
        Assert.Equal(TaskState.Succeeded, queue.Tasks[0].State);
        Schedule known = (await queue.Services.GetRequiredService<ISchedules>().FindAsync("long"))!;
        Assert.Equal(known.Runs.Count - queue.Tasks.Count, known.Runs.Count(run => run.TaskId is null));
        Assert.Contains(known.Runs, run => run.TaskId is null);
        Assert.InRange(queue.Tasks.Count, 2, 3);
    }

    [Theory]
    [InlineData("0 * * *", "probe", "{}", "field(s)")]
    [InlineData("0 * * * *", "", "{}", "type is missing")]
    [InlineData("0 * * * *", "probe", "{", "payload is no JSON")]
    public async Task What_cannot_be_changes_nothing(string cron, string type, string payload, string message)
    {
        await using TestTaskQueue queue = Queue();
        ISchedules schedules = queue.Services.GetRequiredService<ISchedules>();
        InvalidScheduleException refusal = await Assert.ThrowsAsync<InvalidScheduleException>(() => schedules.DefineAsync("wrong", new ScheduleOptions { Cron = cron, Type = type, Payload = payload }));
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
        Assert.Empty(await schedules.ListAsync());
    }

    [Fact]
    public async Task A_type_or_a_queue_that_is_not_known_is_refused_as_for_a_task()
    {
        await using TestTaskQueue queue = Queue(options => options.Types["probe"] = new TaskTypeOptions());
        ISchedules schedules = queue.Services.GetRequiredService<ISchedules>();
        InvalidTaskException type = await Assert.ThrowsAsync<InvalidTaskException>(() => schedules.DefineAsync("s", new ScheduleOptions { Cron = "0 * * * *", Type = "other" }));
        Assert.Equal(InvalidTaskReason.UnknownType, type.Reason);
        InvalidTaskException named = await Assert.ThrowsAsync<InvalidTaskException>(() => schedules.DefineAsync("s", new ScheduleOptions { Cron = "0 * * * *", Type = "probe", Queue = "none" }));
        Assert.Equal(InvalidTaskReason.UnknownQueue, named.Reason);
    }

    private static TestTaskQueue Queue(Action<WorkQueueOptions>? settings = null, Func<string, TaskContext, Task>? handle = null) =>
        new(services => services.AddTaskHandler<string>("probe", handle ?? ((_, _) => Task.CompletedTask)), settings);
}
