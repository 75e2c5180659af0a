namespace WorkQueue.Messaging;

/// <summary>
/// Batches: sets of tasks of which somebody wants to know when all of them have ended. They are kept on the broker; of the programs that know of them one leads, and
/// enqueues what is to follow. Registered by <c>AddTaskQueue()</c>; safe for concurrent use.
/// </summary>
public interface ITaskBatches
{
    /// <summary>Opens a batch, enqueues its tasks and closes it: the usual case. Done again with the same <see cref="BatchOptions.Id"/> it is the same batch.</summary>
    /// <param name="tasks">Its tasks, at most 100,000. None has an id of its own or tasks after it. They are checked before anything is sent.</param>
    /// <param name="options">What else there is to the batch; null for nothing.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="InvalidTaskException">A task is not acceptable, which <see cref="InvalidTaskException.Index"/> tells; nothing was sent.</exception>
    /// <exception cref="BatchRefusedException">The options cannot be, or there are too many batches.</exception>
    /// <exception cref="TaskNotEnqueuedException">
    /// The broker did not take one of the tasks. The batch was cancelled as far as that could be said; one whose id was given stays as it is, to be enqueued again under the same id.
    /// </exception>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away.</exception>
    Task<TaskBatch> EnqueueAsync(IReadOnlyList<NewTask> tasks, BatchOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>Opens a batch without tasks. It does not end before it is closed.</summary>
    /// <param name="options">What there is to it; null for nothing.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="InvalidTaskException">One of its callbacks is not acceptable.</exception>
    /// <exception cref="BatchRefusedException">The options cannot be, or there are too many batches.</exception>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away.</exception>
    Task<TaskBatch> OpenAsync(BatchOptions? options = null, CancellationToken cancellationToken = default);

    /// <summary>
    /// Enqueues tasks as members of a batch: as long as it has not ended, so that a member that runs always can. What the broker does not take at once is tried again for
    /// half a minute, but for what a queue that is full refuses.
    /// </summary>
    /// <param name="id">The batch.</param>
    /// <param name="tasks">The tasks. None has an id of its own or tasks after it. They are checked before anything is sent.</param>
    /// <param name="key">
    /// Names what is added, at most 100 characters: the same tasks added again by the same key are the same members. For a member that adds others it is
    /// <see cref="TaskContext.Id"/>, since it may run twice. Null for none.
    /// </param>
    /// <param name="cancellationToken">Stops the waiting; some may be enqueued all the same.</param>
    /// <returns>
    /// What became of each, in their order. One that the broker surely does not have is no member. Where it is not known of one (<see cref="PublishOutcome.Unknown"/>) the batch
    /// waits for it: add them all again by the same key, or cancel the batch.
    /// </returns>
    /// <exception cref="InvalidTaskException">A task is not acceptable, which <see cref="InvalidTaskException.Index"/> tells; nothing was sent.</exception>
    /// <exception cref="BatchRefusedException">There is no such batch, it has ended or was cancelled, or it would have too many members.</exception>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away. What was added by a key can be added again by it.</exception>
    Task<IReadOnlyList<EnqueueResult>> AddAsync(string id, IReadOnlyList<NewTask> tasks, string? key = null, CancellationToken cancellationToken = default);

    /// <summary>Says that nobody but its members adds to a batch any more: it ends when all of them have. One that is closed already stays so.</summary>
    /// <exception cref="BatchRefusedException">There is no such batch, it was cancelled, or tasks that were to be added more than five minutes ago are not known to be enqueued.</exception>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away.</exception>
    Task<TaskBatch> CloseAsync(string id, CancellationToken cancellationToken = default);

    /// <summary>A batch; null where there is none with this id, or none any more.</summary>
    /// <exception cref="BrokerUnavailableException">They are not known yet.</exception>
    Task<TaskBatch?> FindAsync(string id, CancellationToken cancellationToken = default);

    /// <summary>All batches, the newest first.</summary>
    /// <exception cref="BrokerUnavailableException">They are not known yet.</exception>
    Task<IReadOnlyList<TaskBatch>> ListAsync(CancellationToken cancellationToken = default);

    /// <summary>The members of a batch that are in a state, by their numbers. Of one of which nothing can change any more it is not known.</summary>
    /// <param name="id">The batch.</param>
    /// <param name="state"><see cref="TaskState.Succeeded"/>, <see cref="TaskState.DeadLettered"/>, <see cref="TaskState.Cancelled"/>; any other for those that have not ended.</param>
    /// <param name="limit">At most so many. Default 100.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="BrokerUnavailableException">They are not known yet.</exception>
    Task<IReadOnlyList<BatchMember>> MembersAsync(string id, TaskState state, int limit = 100, CancellationToken cancellationToken = default);

    /// <summary>Cancels a batch: members that wait never run, those that run have their token cancelled, and no callback runs. One that is cancelled already stays so.</summary>
    /// <exception cref="BatchRefusedException">There is no such batch, or it has ended.</exception>
    /// <exception cref="BrokerUnavailableException">No program leads, or the broker is away.</exception>
    Task<TaskBatch> CancelAsync(string id, CancellationToken cancellationToken = default);
}
