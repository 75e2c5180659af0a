namespace WorkQueue.Testing.Clocks;

/// <summary>
/// Tells the timers for which code waits, of <see cref="Task.Delay(TimeSpan, TimeProvider)"/> and <see cref="PeriodicTimer"/>, from those that only limit
/// something. Their types have no public names: they are learnt from timers that are made for it.
/// </summary>
internal static class ClockWaits
{
    private static readonly Type[] States = [.. Learn()];

    public static bool IsWait(object? state) => Array.Exists(States, type => type.IsInstanceOfType(state));

    private static List<Type> Learn()
    {
        Teacher teacher = new();
        using CancellationTokenSource end = new();
        _ = Task.Delay(TimeSpan.FromDays(1), teacher);
        _ = Task.Delay(TimeSpan.FromDays(1), teacher, end.Token);
        using PeriodicTimer periodic = new(TimeSpan.FromDays(1), teacher);
        return teacher.Seen;
    }

    private sealed class Teacher : TimeProvider
    {
        public List<Type> Seen { get; } = [];

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            if (state is not null)
            {
                Seen.Add(state.GetType());
            }

            return new NoTimer();
        }
    }

    private sealed class NoTimer : ITimer
    {
        public bool Change(TimeSpan dueTime, TimeSpan period) => true;

        public void Dispose()
        {
        }

        public ValueTask DisposeAsync() => ValueTask.CompletedTask;
    }
}
