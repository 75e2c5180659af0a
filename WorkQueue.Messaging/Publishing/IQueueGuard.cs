namespace WorkQueue.Messaging.Publishing;

/// <summary>Knows whether a queue is there.</summary>
internal interface IQueueGuard
{
    /// <summary>Asks for a queue beside a publish that begins now. There, too, where the broker cannot be asked: the publish tells that itself.</summary>
    /// <param name="queue">The queue.</param>
    /// <param name="binding">
    /// For who asks before a publish: binds it too, since one that another program declares again at this moment is there before it is bound. Who asks
    /// beside a publish cannot tell whether it was bound in time.
    /// </param>
    Task<QueueSeen> AskAsync(string queue, QueueBinding? binding = null);
}
