using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Flow;

/// <summary>The right to take tasks of a limited queue, one at a time.</summary>
/// <param name="number">Which of them, from 1.</param>
/// <param name="of">The connection it is held by: with that it is lost, and goes to another worker.</param>
internal sealed class Permit(int number, OpenConnection of)
{
    private readonly TaskCompletionSource<string> _lost = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public int Number => number;

    public OpenConnection Of => of;

    /// <summary>Since when no slot uses it.</summary>
    public long FreeSince { get; set; }

    /// <summary>Completes, with the reason, when others have it although its connection is there.</summary>
    public Task<string> Lost => _lost.Task;

    /// <summary>The broker has given it to others, or soon will.</summary>
    public bool IsLost => of.Lost.IsCompleted || _lost.Task.IsCompleted;

    /// <summary>Others have it.</summary>
    public void Lose(string reason) => _lost.TrySetResult(reason);
}
