using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>Reads a task's own history back: payload, result, attempts.</summary>
internal sealed class TaskReader(TaskProjection projection, ITaskHistory history)
{
    /// <summary>A task with its history; null when it is not known.</summary>
    /// <exception cref="BrokerUnavailableException">The broker is away.</exception>
    public Task<TaskDetail?> ReadAsync(string id, CancellationToken cancellationToken) => throw new NotImplementedException(id + projection + history + cancellationToken);
}
