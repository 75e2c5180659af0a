namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>Wakes the relay of a context in the process that has committed.</summary>
internal sealed class OutboxSignal
{
    private TaskCompletionSource _next = New();

    /// <summary>Completes with the next <see cref="Set"/>. Take it before looking at the table, and nothing is missed.</summary>
    public Task Next => Volatile.Read(ref _next).Task;

    /// <summary>Something was committed.</summary>
    public void Set() => Interlocked.Exchange(ref _next, New()).SetResult();

    private static TaskCompletionSource New() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
