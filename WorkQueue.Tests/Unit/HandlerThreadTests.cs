using System.Diagnostics;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Wire;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Unit;

/// <summary>Which thread a handler begins on.</summary>
public sealed class HandlerThreadTests
{
    private readonly object _slot = new();

    [Fact]
    public async Task The_next_handler_follows_one_that_has_ended_when_that_has_returned() => Assert.True(await FollowsAsync(_slot, () => { }));

    [Fact]
    public async Task One_of_another_slot_does_not_follow() => Assert.False(await FollowsAsync(new object(), () => { }));

    [Fact]
    public async Task It_does_not_follow_on_a_thread_that_was_left_otherwise()
    {
        Assert.False(await FollowsAsync(_slot, () => Thread.CurrentThread.Priority = ThreadPriority.Lowest));
        Assert.False(await FollowsAsync(_slot, () => Thread.CurrentThread.IsBackground = false));
        Assert.False(await FollowsAsync(_slot, () => Thread.CurrentThread.Name = "of the first"));
    }

    [Fact]
    public async Task A_thread_goes_back_to_the_pool_after_a_while() => Assert.False(await FollowsAsync(_slot, () =>
    {
        long start = Stopwatch.GetTimestamp();
        SpinWait.SpinUntil(() => Stopwatch.GetElapsedTime(start) > TimeSpan.FromMilliseconds(2));
    }));

    [Fact]
    public async Task Beside_one_that_has_not_ended_it_begins_on_another_thread()
    {
        await HandlerThread.TakeAsync(NewRun(_slot));
        using ManualResetEventSlim begun = new();
        _ = BeginAsync();
        // This thread waits for it.
        Assert.True(begun.Wait(TestEnvironment.Patience));

        async Task BeginAsync()
        {
            await HandlerThread.TakeAsync(NewRun(_slot));
            begun.Set();
        }
    }

    // Whether it ever does: a thread may be kept from its work for so long that it goes back to the pool meanwhile.
    private async Task<bool> FollowsAsync(object slot, Action firstDoes)
    {
        bool follows = false;
        for (int tries = 0; tries < 50 && !follows; tries++)
        {
            follows = await FollowsOnceAsync(slot, firstDoes);
        }

        return follows;
    }

    private async Task<bool> FollowsOnceAsync(object slot, Action firstDoes)
    {
        TaskRun first = NewRun(_slot);
        bool hasReturned = false, isPassed = false;
        await HandlerThread.TakeAsync(first);
        int thread = Environment.CurrentManagedThreadId;
        firstDoes();
        first.End();
        Task<bool> second = SecondAsync();
        // What the pool has this thread do next, when it has it back.
        ThreadPool.UnsafeQueueUserWorkItem(_ => Volatile.Write(ref isPassed, true), 0, preferLocal: true);
        hasReturned = true;
        return await second;

        async Task<bool> SecondAsync()
        {
            await HandlerThread.TakeAsync(NewRun(slot));
            bool follows = Environment.CurrentManagedThreadId == thread && !Volatile.Read(ref isPassed);
            Assert.True(!follows || hasReturned);
            return follows;
        }
    }

    private static TaskRun NewRun(object slot) => new(new TaskMessage { Id = "1", Type = "probe", Queue = "default", Body = default }, default, 0) { Slot = slot };
}
