using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>What can be done with a task that is known: the same for the API and the board.</summary>
internal sealed class TaskActions
{
    /// <summary>Cancels a task.</summary>
    /// <exception cref="BadHttpRequestException">404: it is unknown; 409: it has ended.</exception>
    /// <exception cref="BrokerUnavailableException">The broker did not confirm.</exception>
    public Task<TaskView> CancelAsync(string id, CancellationToken cancellationToken) => throw new NotImplementedException(id + cancellationToken);

    /// <summary>Cancels those of some tasks that have not ended, and says how many.</summary>
    /// <exception cref="BrokerUnavailableException">The broker did not confirm.</exception>
    public Task<int> CancelAsync(IReadOnlyList<TaskView> tasks, CancellationToken cancellationToken) => throw new NotImplementedException(tasks.ToString() + cancellationToken);

    /// <summary>Runs a finished task again, under a new id.</summary>
    /// <param name="id">The task.</param>
    /// <param name="payload">Another payload; null for its own.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="BadHttpRequestException">404: it is unknown; 409: it is still pending, or its payload is not kept.</exception>
    public Task<EnqueuedTask> RunAgainAsync(string id, ReadOnlyMemory<byte>? payload, CancellationToken cancellationToken) => throw new NotImplementedException(id + payload + cancellationToken);
}
