namespace WorkQueue.Messaging;

/// <summary>
/// The schedules of all programs that share a broker. They are kept on it; of the programs that know of them one leads, and enqueues what is due.
/// </summary>
public interface ISchedules
{
    /// <summary>All schedules, by their names.</summary>
    /// <exception cref="BrokerUnavailableException">They are not known yet.</exception>
    Task<IReadOnlyList<Schedule>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>A schedule; null where there is none with this name.</summary>
    /// <exception cref="BrokerUnavailableException">They are not known yet.</exception>
    Task<Schedule?> FindAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>
    /// Makes a schedule, or changes it; returns when it counts. A changed one begins with the present: what the old one has missed is not made up for.
    /// What the settings define is defined anew whenever a program starts that has them.
    /// </summary>
    /// <param name="name">Its name: letters, digits, <c>-</c> and <c>_</c>, at most 100.</param>
    /// <param name="options">What it does.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="InvalidScheduleException">It cannot be: the message says where and what is allowed.</exception>
    /// <exception cref="InvalidTaskException">There is no such task type or queue, or the payload is too large.</exception>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away.</exception>
    Task<Schedule> DefineAsync(string name, ScheduleOptions options, CancellationToken cancellationToken = default);

    /// <summary>Removes a schedule. Tasks that it has enqueued stay.</summary>
    /// <returns>False where there is none with this name.</returns>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away.</exception>
    Task<bool> RemoveAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Has a schedule enqueue nothing until it is resumed.</summary>
    /// <returns>False where there is none with this name.</returns>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away.</exception>
    Task<bool> PauseAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Has a schedule go on, from the present.</summary>
    /// <returns>False where there is none with this name.</returns>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away.</exception>
    Task<bool> ResumeAsync(string name, CancellationToken cancellationToken = default);

    /// <summary>Enqueues a task of a schedule now, whether or not it is paused, and whatever its <see cref="ScheduleOptions.Overlap"/>.</summary>
    /// <returns>The task's id; null where there is no schedule with this name.</returns>
    /// <exception cref="InvalidTaskException">The task cannot be enqueued: its type or its queue is gone.</exception>
    /// <exception cref="TaskNotEnqueuedException">Its queue is full, or does not take it.</exception>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away.</exception>
    Task<string?> RunAsync(string name, CancellationToken cancellationToken = default);
}
