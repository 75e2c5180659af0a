using System.Security.Cryptography;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Counts how often a task ran in this process and could not be settled, though the process lives and its connection does: what follows the run failed,
/// or the broker took it back for its age. Nobody else counts these: a classic queue counts nothing, and elsewhere a worker that lives is no death.
/// </summary>
internal sealed class UnsettledRuns
{
    private readonly BoundedCounts _counts = new(10_000);

    /// <summary>One more.</summary>
    public void Add(TaskDelivery delivery) => _counts.Add(KeyOf(delivery), 1);

    /// <summary>How many of it there were.</summary>
    public int Of(TaskDelivery delivery) => _counts.IsEmpty ? 0 : _counts.Of(KeyOf(delivery));

    // One without an id comes again under another: it is known by what it holds.
    private static string KeyOf(TaskDelivery delivery) => delivery.HasId
        ? SuspectRuns.KeyOf(delivery.Message)
        : $"{delivery.Message.Queue} {delivery.Message.Type} {Convert.ToHexString(SHA256.HashData(delivery.Message.Body.Span))}";
}
