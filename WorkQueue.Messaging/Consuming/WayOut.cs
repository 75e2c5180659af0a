namespace WorkQueue.Messaging.Consuming;

/// <summary>How a consumer leaves by this side's will: it is asked to, the broker is told, and what it holds neither starts nor is acknowledged before that has answered.</summary>
/// <param name="held">What it holds.</param>
/// <param name="stopping">Its slot takes no more.</param>
internal sealed class WayOut(HeldTasks held, CancellationToken stopping)
{
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _heard = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly TaskCompletionSource _left = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when it is to be cancelled, because its slot is to take from another queue, or with another prefetch.</summary>
    public Task Asked => _asked.Task;

    private bool IsTaken => _asked.Task.IsCompleted || stopping.IsCancellationRequested;

    /// <summary>It is to be cancelled, after the tasks it holds.</summary>
    public void Ask() => _asked.TrySetResult();

    /// <summary>On the way out no task starts before the broker has heard of it.</summary>
    public Task MayStartAsync() => IsTaken ? _left.Task : Task.CompletedTask;

    /// <summary>Nor is one acknowledged: the broker would send another one, which counts as delivered when it then hears of the cancel.</summary>
    public Task MayAckAsync(int count)
    {
        // Either it is seen here that the slot is on its way out, or there that one is going out.
        held.GoOut(count);
        if (!IsTaken)
        {
            return Task.CompletedTask;
        }

        held.StayIn(count);
        return _heard.Task;
    }

    /// <summary>The broker has answered, or will not: acknowledgements may go out.</summary>
    public void Heard() => _heard.TrySetResult();

    /// <summary>Tasks may start.</summary>
    public void GoOn() => _left.TrySetResult();
}
