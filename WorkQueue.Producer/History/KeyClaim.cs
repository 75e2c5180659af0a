using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>One use of an <c>Idempotency-Key</c>: who has it sends the task, all others wait for the answer.</summary>
internal sealed class KeyClaim(string id, string contents, bool mayBeThere)
{
    private readonly TaskCompletionSource<EnqueuedTask> _sent = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile bool _sentNothing;

    /// <summary>The task's id.</summary>
    public string Id { get; } = id;

    /// <summary>What the key was used for, as a hash.</summary>
    public string Contents { get; } = contents;

    /// <summary>An earlier use of the key, of the same contents, ended in an unknown outcome.</summary>
    public bool MayBeThere { get; } = mayBeThere;

    /// <summary>The answer.</summary>
    public Task<EnqueuedTask> Sent => _sent.Task;

    /// <summary>It failed, and the key is free again.</summary>
    public bool SentNothing => _sentNothing;

    /// <summary>It failed, and the task may be there all the same.</summary>
    public bool IsUnknown => Sent.IsFaulted && !SentNothing;

    public void Succeed(EnqueuedTask task) => _sent.SetResult(task);

    public void Fail(Exception failure)
    {
        _sentNothing = !MayBeThere && failure is InvalidTaskException or BadHttpRequestException or BrokerUnavailableException or TaskNotEnqueuedException { Outcome: not PublishOutcome.Unknown };
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
