using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Flow;

/// <summary>The right to take tasks of a limited queue, one at a time.</summary>
/// <param name="Number">Which of them, from 1.</param>
/// <param name="Of">The connection it is held by: with that it is lost, and goes to another worker.</param>
internal sealed record Permit(int Number, OpenConnection Of)
{
    /// <summary>Since when no slot uses it.</summary>
    public long FreeSince { get; set; }

    /// <summary>The broker has given it to others, or soon will.</summary>
    public bool IsLost => Of.Lost.IsCompleted;
}
