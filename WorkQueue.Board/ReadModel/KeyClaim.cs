using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>One use of an <c>Idempotency-Key</c>: who has it sends the task, all others wait for the answer.</summary>
/// <param name="id">The task's id.</param>
/// <param name="contents">What the key is used for, as a hash.</param>
/// <param name="before">The use before, which failed.</param>
internal sealed class KeyClaim(string id, string contents, KeyClaim? before = null)
{
    private readonly TaskCompletionSource<EnqueuedTask> _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _sentNothing;
    private volatile bool _leftTrace;

    /// <summary>The task's id.</summary>
    public string Id { get; } = id;

    /// <summary>What the key was used for, as a hash.</summary>
    public string Contents { get; } = contents;

    /// <summary>An earlier use of the key, of the same contents, ended in an unknown outcome.</summary>
    public bool MayBeThere { get; } = before is { IsUnknown: true };

    /// <summary>An earlier use failed, and the history may tell of a task that no queue has: it gets a message also when its queue does not.</summary>
    public bool IsDoubtful { get; } = before is { LeftTrace: true };

    /// <summary>The answer.</summary>
    public Task<EnqueuedTask> Sent => _sent.Task;

    /// <summary>It failed, and the key is free again.</summary>
    public bool SentNothing => _sentNothing;

    /// <summary>It failed, and the task may be there all the same.</summary>
    public bool IsUnknown => Sent.IsFaulted && !SentNothing;

    /// <summary>It failed, and the history may tell of it all the same.</summary>
    public bool LeftTrace => _leftTrace;

    public void Succeed(EnqueuedTask task) => _sent.SetResult(task);

    public void Fail(Exception failure)
    {
        _sentNothing = !MayBeThere && failure is InvalidTaskException or BadHttpRequestException or BrokerUnavailableException or TaskNotEnqueuedException { Outcome: not PublishOutcome.Unknown };
        _leftTrace = !_sentNothing || IsDoubtful || failure is TaskNotEnqueuedException { Outcome: PublishOutcome.Returned or PublishOutcome.Refused };
        _sent.SetException(failure);
        // Whoever waited may be gone.
        _ = _sent.Task.Exception;
    }
}

/// <summary>An <c>Idempotency-Key</c> was used for another task: answered 422.</summary>
internal sealed class KeyReusedException(string taskId) : BadHttpRequestException(
    $"This Idempotency-Key was used for another task, '{taskId}', of another type, queue or payload. Nothing was enqueued; send another key.", StatusCodes.Status422UnprocessableEntity)
{
    /// <summary>The task it was used for.</summary>
    public string TaskId { get; } = taskId;
}
