using FsCheck;
using FsCheck.Fluent;
using WorkQueue.Messaging.Consuming.Adaptive;

namespace WorkQueue.Tests.Unit;

/// <summary>Whatever a slot meets, the prefetch keeps its bounds; and on the loads it is made for, it grows.</summary>
public sealed class AdaptivePrefetchTests
{
    private static readonly TimeSpan Budget = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan NoTime = TimeSpan.Zero;
    private static readonly TimeSpan Short = TimeSpan.FromMicroseconds(100);
    private static readonly TimeSpan Gap = TimeSpan.FromMicroseconds(300);

    // Most are short, some are not; stretches of the same kind, because a change takes a window of tasks.
    private static readonly Gen<Task[]> Loads =
        from stretches in (
            from run in Gen.Frequency((6, Gen.Choose(1, 1_000)), (3, Gen.Choose(1_000, 40_000)), (1, Gen.Choose(40_000, 2_000_000)))
            from wait in Gen.Frequency((6, Gen.Choose(0, 2_000)), (1, Gen.Choose(2_000, 200_000)))
            from count in Gen.Frequency((1, Gen.Choose(1, 5)), (3, Gen.Choose(40, 500)))
            select Enumerable.Repeat(new Task(TimeSpan.FromMicroseconds(wait), TimeSpan.FromMicroseconds(run)), count)).ListOf()
        select stretches.SelectMany(tasks => tasks).ToArray();

    [Fact]
    public void It_is_never_below_one_and_never_above_the_most() =>
        Holds((_, now) => now.Prefetch is >= 1 and <= AdaptivePrefetch.Most);

    [Fact]
    public void It_grows_to_no_more_than_twice_what_it_has_been_since_a_task_ran_long_and_only_after_a_window_of_tasks() => Holds(changes =>
    {
        int since = 0;
        int last = 1;
        int most = 1;
        foreach (Change change in changes)
        {
            since++;
            if (change.Prefetch > last && (change.Prefetch > 2 * most || since < AdaptivePrefetch.Window))
            {
                return false;
            }

            since = change.Prefetch == last ? since : 0;
            last = change.Prefetch;
            most = change.Task.Run > Budget ? 1 : Math.Max(most, last);
        }

        return true;
    });

    [Fact]
    public void It_is_one_at_once_after_a_task_that_ran_longer_than_the_budget() =>
        Holds((task, now) => task.Run <= Budget || now.Prefetch == 1);

    [Fact]
    public void It_is_one_at_once_after_the_queue_was_empty() =>
        Holds((task, now) => task.Wait <= Budget || now.Prefetch == 1);

    [Fact]
    public void When_it_changes_all_it_may_hold_take_less_than_the_budget() => Holds(changes =>
    {
        for (int i = AdaptivePrefetch.Window; i < changes.Count; i++)
        {
            if (changes[i].Prefetch > changes[i - 1].Prefetch)
            {
                TimeSpan[] runs = [.. changes.Skip(i + 1 - AdaptivePrefetch.Window).Take(AdaptivePrefetch.Window).Select(change => change.Task.Run).Order()];
                if (changes[i].Prefetch * runs[(AdaptivePrefetch.Window * 95 / 100) - 1] > Budget)
                {
                    return false;
                }
            }
        }

        return true;
    });

    [Fact]
    public void It_does_not_grow_soon_after_it_fell() => Holds(changes =>
    {
        TimeSpan notBefore = NoTime;
        int last = 1;
        foreach (Change change in changes)
        {
            if (change.Prefetch > last && change.At < notBefore)
            {
                return false;
            }

            notBefore = change.Task.Run > Budget ? change.At + AdaptivePrefetch.ShortCaution : notBefore;
            last = change.Prefetch;
        }

        return true;
    });

    [Fact]
    public void On_short_tasks_of_a_queue_that_has_more_it_grows_to_the_most() =>
        Assert.Equal(AdaptivePrefetch.Most, Run(Enumerable.Repeat(new Task(Gap, Short), 5_000))[^1].Prefetch);

    [Fact]
    public void After_the_queue_was_empty_or_its_broker_slow_a_window_of_short_tasks_brings_it_back_to_what_it_was()
    {
        AdaptivePrefetch adaptive = new(Budget);
        TimeSpan at = NoTime;
        Feed(adaptive, ref at, Short, 5_000);
        Assert.Equal(1, adaptive.Observe(2 * Budget, Short, at));
        Feed(adaptive, ref at, Short, AdaptivePrefetch.Window);
        Assert.Equal(AdaptivePrefetch.Most, adaptive.Prefetch);
    }

    [Fact]
    public void After_the_queue_was_empty_it_grows_to_no_more_than_what_its_tasks_take_by_then()
    {
        AdaptivePrefetch adaptive = new(Budget);
        TimeSpan at = NoTime;
        Feed(adaptive, ref at, Short, 5_000);
        adaptive.Idle();
        Feed(adaptive, ref at, TimeSpan.FromMilliseconds(3), AdaptivePrefetch.Window);
        Assert.Equal(8, adaptive.Prefetch);
    }

    [Theory]
    [InlineData(100, 1)]
    [InlineData(100_000, 300)]
    public void It_does_not_grow_where_a_slot_would_hardly_wait_less(int run, int wait) =>
        Assert.All(Run(Enumerable.Repeat(new Task(TimeSpan.FromMicroseconds(wait), TimeSpan.FromMicroseconds(run)), 2_000)), now => Assert.Equal(1, now.Prefetch));

    [Fact]
    public void It_goes_down_as_tasks_become_slower()
    {
        AdaptivePrefetch adaptive = new(Budget);
        TimeSpan at = NoTime;
        Feed(adaptive, ref at, Short, 5_000);
        Feed(adaptive, ref at, TimeSpan.FromMilliseconds(5), AdaptivePrefetch.Window);
        Assert.Equal(8, adaptive.Prefetch);
    }

    [Fact]
    public void Each_fall_that_comes_soon_again_keeps_it_down_for_longer()
    {
        AdaptivePrefetch adaptive = new(Budget);
        TimeSpan at = NoTime;
        List<TimeSpan> down = [];
        for (int fall = 0; fall < 5; fall++)
        {
            Feed(adaptive, ref at, Short, 5_000);
            adaptive.Fall(at);
            TimeSpan from = at;
            while (adaptive.Prefetch == 1)
            {
                Feed(adaptive, ref at, Short, 1);
            }

            down.Add(at - from);
        }

        Assert.Equal(down.Order(), down);
        Assert.True(down[^1] > 8 * AdaptivePrefetch.ShortCaution, $"{down[^1]}");
    }

    private static void Feed(AdaptivePrefetch adaptive, ref TimeSpan at, TimeSpan run, int count)
    {
        for (int i = 0; i < count; i++)
        {
            at += Gap + run;
            adaptive.Observe(Gap, run, at);
        }
    }

    private static void Holds(Func<Task, Change, bool> after) =>
        Holds(changes => changes.All(change => after(change.Task, change)));

    private static void Holds(Func<IReadOnlyList<Change>, bool> all) =>
        Prop.ForAll(Loads.ToArbitrary(), load => all(Run(load))).QuickCheckThrowOnFailure();

    private static List<Change> Run(IEnumerable<Task> load)
    {
        AdaptivePrefetch adaptive = new(Budget);
        TimeSpan at = NoTime;
        List<Change> changes = [];
        foreach (Task task in load)
        {
            at += task.Wait + task.Run;
            changes.Add(new Change(task, at, adaptive.Observe(task.Wait, task.Run, at)));
        }

        return changes;
    }

    private readonly record struct Task(TimeSpan Wait, TimeSpan Run);

    private readonly record struct Change(Task Task, TimeSpan At, int Prefetch);
}
