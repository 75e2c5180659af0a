namespace WorkQueue.Messaging.Leading;

/// <summary>Whether this program has something to lead. One that has nothing declares nothing for it, and consumes nothing.</summary>
internal sealed class LeaderNeed
{
    private readonly TaskCompletionSource _wanted = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Completes when it has.</summary>
    public Task Wanted => _wanted.Task;

    /// <summary>It has from here on.</summary>
    public void TakePart() => _wanted.TrySetResult();
}
