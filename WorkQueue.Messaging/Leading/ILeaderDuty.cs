using System.Text.Json;

namespace WorkQueue.Messaging.Leading;

/// <summary>
/// Something that one program does for all that share a broker. What has been decided is in the leader's log: every program reads it, and who leads goes on
/// from there.
/// </summary>
internal interface ILeaderDuty
{
    /// <summary>Reads an entry of the log.</summary>
    void Read(LeaderEntry entry);

    /// <summary>The log is another one, and begins anew.</summary>
    void Forget();

    /// <summary>This program leads from now on, with what it has read.</summary>
    void Begin();

    /// <summary>What a command is about: those about one thing are obeyed in their order, those about different ones at once.</summary>
    /// <returns>Null where the command is another duty's.</returns>
    string? ThingOf(LeaderEntry command);

    /// <summary>Does what it was asked to. A command may come again: from a leader that did not come to acknowledge it.</summary>
    /// <param name="commands">Commands about one thing, in their order.</param>
    /// <param name="session">The session.</param>
    /// <returns>An answer to each.</returns>
    Task<IReadOnlyList<LeaderAnswer>> ObeyAsync(IReadOnlyList<LeaderEntry> commands, ILeaderSession session);

    /// <summary>Does what is due.</summary>
    /// <param name="session">The session.</param>
    /// <param name="stopping">Ends it between two things to do.</param>
    /// <returns>When something is due next; null where nothing is.</returns>
    Task<DateTimeOffset?> WorkAsync(ILeaderSession session, CancellationToken stopping);

    /// <summary>Writes everything that matters anew: what was written before will be dropped from the log.</summary>
    Task WriteAllAsync(ILeaderSession session);
}

/// <summary>An entry of the leader's log, or a command to the leader.</summary>
/// <param name="Kind">What it is.</param>
/// <param name="Body">JSON.</param>
/// <param name="By">The command it answers, or that it is; null for what nobody waits for.</param>
/// <param name="Leader">The session that has written it.</param>
internal readonly record struct LeaderEntry(string Kind, ReadOnlyMemory<byte> Body, string? By = null, string? Leader = null)
{
    /// <summary>The first text in its body: what it is about. Empty where there is none.</summary>
    public string FirstText()
    {
        try
        {
            Utf8JsonReader reader = new(Body.Span);
            while (reader.Read())
            {
                if (reader.TokenType == JsonTokenType.String)
                {
                    return reader.GetString()!;
                }
            }
        }
        catch (Exception malformed) when (malformed is JsonException or InvalidOperationException)
        {
            // Whoever reads all of it says so.
        }

        return "";
    }
}

/// <summary>What a leader says to a command.</summary>
/// <param name="Refusal">Why it cannot be done; null where it is done.</param>
/// <param name="Text">What was asked for, where that is more than to do it.</param>
internal readonly record struct LeaderAnswer(string? Refusal = null, string? Text = null);
