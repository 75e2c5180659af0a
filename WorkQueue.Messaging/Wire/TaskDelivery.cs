namespace WorkQueue.Messaging.Wire;

/// <summary>One hand-over of a task by the broker.</summary>
/// <param name="Tag">The delivery tag, valid on the delivering channel only.</param>
/// <param name="Message">The task; for an unreadable envelope, as much of it as could be read.</param>
/// <param name="Redelivered">The broker may have delivered it before.</param>
/// <param name="EarlierDeliveries">How often the broker has delivered this message before, to anybody; null where it does not count.</param>
/// <param name="Unreadable">What is wrong with the envelope, or null.</param>
internal sealed record TaskDelivery(ulong Tag, TaskMessage Message, bool Redelivered, long? EarlierDeliveries, string? Unreadable)
{
    private TaskMessage? _delivered;

    /// <summary>The task; of an ordered lane as its last attempt here.</summary>
    public TaskMessage Message { get; set; } = Message;

    /// <summary>The task as the broker has it.</summary>
    public TaskMessage Delivered => _delivered ?? Message;

    /// <summary>When its turn came here.</summary>
    public DateTimeOffset ReceivedAt { get; set; }

    /// <summary>How long it ran here.</summary>
    public TimeSpan Ran { get; set; }

    /// <summary>It is acknowledged, or is to be with others: what fails from then on is not its concern.</summary>
    public bool IsSettled { get; set; }

    /// <summary>False when its sender gave it no id, and the one it has was made up just now.</summary>
    public bool HasId { get; init; } = true;

    /// <summary>Each run of it is said on the control log: it was delivered before, or workers died of it before it went back to its queue.</summary>
    public bool IsSaid => EarlierDeliveries > 0 || Message.EarlierCrashes > 0 || (IsUncounted && HasId);

    // A classic queue says that it may have been delivered, and not how often.
    private bool IsUncounted => EarlierDeliveries is null && Redelivered;

    /// <summary>Runs of it that were said to begin, and that no worker accounts for.</summary>
    public int Open { get; set; }

    /// <summary>
    /// How many workers died with it, as far as anybody can tell. A first delivery is not said beforehand, so that one which ended without a word
    /// may have been a death; of what had gone back with deaths every run is said, and the broker counts deliveries that never reached anybody.
    /// </summary>
    public long Crashes => Message.EarlierCrashes + Math.Max(0, (Message.EarlierCrashes == 0 && EarlierDeliveries > 0 ? 1 : 0) + Open);

    /// <summary>It is run again without having been published as its next attempt.</summary>
    public void TryAgain(DateTimeOffset due)
    {
        _delivered ??= Message;
        Message = Message with { Attempt = Message.Attempt + 1, NotBefore = due };
    }

    /// <summary>A worker that held it may have died of it.</summary>
    public bool IsSuspect => Crashes > 0 || IsUncounted;
}
