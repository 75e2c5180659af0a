namespace WorkQueue.Messaging.Publishing;

/// <summary>Knows which tasks were cancelled: the control log.</summary>
internal interface ICancelledTasks
{
    /// <summary>
    /// The count of redrives with which a new task of an id runs: above the one of a task of this id that was cancelled, or 0. Waits until
    /// what was said before this process started is known.
    /// </summary>
    /// <exception cref="TimeoutException">It is not known in time.</exception>
    ValueTask<int> NextRedrivenAsync(string id, CancellationToken cancellationToken);
}
