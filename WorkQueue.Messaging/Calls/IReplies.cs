namespace WorkQueue.Messaging.Calls;

/// <summary>Where the replies to calls come in.</summary>
internal interface IReplies
{
    /// <summary>Waits for the reply to a task from now on, until the call is disposed of; a reply that comes after that is ignored.</summary>
    /// <exception cref="TaskNotEnqueuedException">The broker is away; nothing was sent.</exception>
    Task<PendingCall> ExpectAsync(string id, CancellationToken cancellationToken);
}
