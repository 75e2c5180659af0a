namespace WorkQueue.Messaging.Leading;

/// <summary>Asks the leader to do something.</summary>
internal interface ILeaderCommands
{
    /// <summary>Asks, and returns when the leader has done it, or has said why it cannot.</summary>
    /// <param name="kind">What.</param>
    /// <param name="body">JSON.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <returns>What the leader says of it.</returns>
    /// <exception cref="BrokerUnavailableException">Nobody has answered in time: no program leads, or the broker is away.</exception>
    Task<LeaderAnswer> AskAsync(string kind, ReadOnlyMemory<byte> body, CancellationToken cancellationToken);

    /// <summary>Asks, and returns when the broker has it: whoever leads, or will, does it.</summary>
    /// <exception cref="BrokerUnavailableException">The broker has not confirmed it.</exception>
    Task TellAsync(string kind, ReadOnlyMemory<byte> body, CancellationToken cancellationToken);

    /// <summary>Completes when what was decided before this program started has been read. The first use of it has this program take part.</summary>
    /// <exception cref="BrokerUnavailableException">It could not be read in time.</exception>
    Task ReadyAsync(CancellationToken cancellationToken);
}
