using WorkQueue.Messaging.Publishing;

namespace WorkQueue.Messaging.Leading;

/// <summary>The time in which this program leads. What it does by it the broker takes only as long as no other leads.</summary>
internal interface ILeaderSession
{
    /// <summary>Enqueues tasks.</summary>
    TaskPublisher Tasks { get; }

    /// <summary>Writes an entry into the log; returns when the broker has confirmed it.</summary>
    /// <exception cref="PublishFailedException">It was not confirmed. Who leads no longer can write nothing.</exception>
    Task WriteAsync(LeaderEntry entry);

    /// <summary>Tells one program something that is not in the log; where its queue is gone nobody is told.</summary>
    /// <exception cref="PublishFailedException">It was not confirmed.</exception>
    Task ReplyAsync(string queue, LeaderEntry entry);
}
