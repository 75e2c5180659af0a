namespace WorkQueue.Messaging;

/// <summary>Stops tasks and queues. Registered by <c>AddTaskQueue()</c>; what is said here reaches every worker, also those that start later.</summary>
public interface ITaskControl
{
    /// <summary>The reason in the history of a task that was cancelled while it waited.</summary>
    const string CancelledBeforeItRan = "cancelled before it ran";

    /// <summary>The queues that are paused, by their names in the settings.</summary>
    IReadOnlyCollection<string> PausedQueues { get; }

    /// <summary>
    /// Cancels tasks: one that waits never runs, one that runs has its token cancelled. Unknown ids change nothing. A task that
    /// succeeds all the same has succeeded.
    /// </summary>
    /// <param name="tasks">The tasks.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="BrokerUnavailableException">The broker did not confirm; some may be cancelled.</exception>
    Task CancelAsync(IReadOnlyCollection<TaskToCancel> tasks, CancellationToken cancellationToken = default);

    /// <summary>Has workers take no more tasks from a queue; what runs goes on.</summary>
    /// <param name="queue">The queue, by its name in the settings.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="InvalidTaskException">There is no such queue.</exception>
    /// <exception cref="BrokerUnavailableException">The broker did not confirm.</exception>
    Task PauseAsync(string queue, CancellationToken cancellationToken = default);

    /// <summary>Has workers take tasks from a queue again.</summary>
    /// <inheritdoc cref="PauseAsync"/>
    Task ResumeAsync(string queue, CancellationToken cancellationToken = default);
}

/// <summary>A task to cancel.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Type">Its type, for the history.</param>
/// <param name="Queue">Its queue, for the history.</param>
/// <param name="Attempt">The attempt it waits for or runs.</param>
/// <param name="Redriven">How often it had been redriven.</param>
/// <param name="Running">A worker runs it: then the worker records its end, else the cancellation is its end.</param>
public sealed record TaskToCancel(string Id, string Type, string Queue, int Attempt, int Redriven, bool Running);
