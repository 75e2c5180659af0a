using WorkQueue.Messaging;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>Tasks with keys in the queue in memory: the same rules, a clock to turn.</summary>
public sealed class UniqueTests
{
    [Fact]
    public async Task There_is_one_task_of_a_key_as_long_as_it_has_not_ended()
    {
        await using TestTaskQueue queue = Queue();
        EnqueuedTask first = await queue.EnqueueAsync(Of("a", new UniqueOptions { Key = "k" }));
        EnqueuedTask second = await queue.EnqueueAsync(Of("b", new UniqueOptions { Key = "k" }));
        Assert.Equal((first.Id, true), (second.Id, second.Existing));
        await queue.RunAsync();
        Assert.Equal("a", Assert.Single(queue.Tasks).ReadPayload<string>());
        Assert.False((await queue.EnqueueAsync(Of("c", new UniqueOptions { Key = "k" }))).Existing);
    }

    [Fact]
    public async Task A_key_held_for_a_time_is_free_when_the_clock_says_so()
    {
        await using TestTaskQueue queue = Queue();
        NewTask task = Of("a", new UniqueOptions { For = TimeSpan.FromMinutes(10) });
        await queue.EnqueueAsync(task);
        await queue.RunAsync();
        Assert.True((await queue.EnqueueAsync(task)).Existing);
        await queue.AdvanceAsync(TimeSpan.FromMinutes(10));
        Assert.False((await queue.EnqueueAsync(task)).Existing);
    }

    [Fact]
    public async Task A_debounced_task_waits_as_long_as_others_come_and_at_most_to_its_limit()
    {
        await using TestTaskQueue queue = Queue();
        UniqueOptions debounce = new() { Key = "k", Then = UniqueRule.Debounce, Limit = TimeSpan.FromSeconds(25) };
        for (int number = 0; number < 5; number++)
        {
            await queue.EnqueueAsync(Of($"{number}", debounce) with { Delay = TimeSpan.FromSeconds(10) });
            await queue.AdvanceAsync(TimeSpan.FromSeconds(4));
        }

        Assert.DoesNotContain(queue.Tasks, task => task.State == TaskState.Succeeded);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(5));
        TestTask ran = Assert.Single(queue.Tasks);
        Assert.Equal((TaskState.Succeeded, "4"), (ran.State, ran.ReadPayload<string>()));
        await queue.AdvanceAsync(TimeSpan.FromHours(1));
        Assert.Single(queue.Tasks);
    }

    [Fact]
    public async Task A_call_or_a_step_of_a_chain_has_no_key()
    {
        await using TestTaskQueue queue = Queue();
        NewTask task = Of("a", new UniqueOptions());
        await Assert.ThrowsAsync<InvalidTaskException>(() => queue.CallAsync<string>(task, TimeSpan.FromSeconds(1)));
        InvalidTaskException step = await Assert.ThrowsAsync<InvalidTaskException>(() => queue.EnqueueAsync(Of("a", null) with { Then = [task] }));
        Assert.StartsWith("then[0]", step.Message, StringComparison.Ordinal);
        Assert.Empty(queue.Tasks);
    }

    private static NewTask Of(string text, UniqueOptions? unique) => NewTask.Json("probe", text) with { Unique = unique };

    private static TestTaskQueue Queue() => new(services => services.AddTaskHandler<string>("probe", (_, _) => Task.CompletedTask));
}
