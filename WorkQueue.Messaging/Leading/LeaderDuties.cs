namespace WorkQueue.Messaging.Leading;

/// <summary>All that a leader has to do.</summary>
internal static class LeaderDuties
{
    /// <summary>How long a duty works on what is due before the leader looks for what it is asked; the rest is looked at again.</summary>
    public static readonly TimeSpan Turn = TimeSpan.FromSeconds(1);

    /// <summary>What is said to a command that its duty cannot read.</summary>
    public const string Unreadable = "The program that leads cannot read it: it may be of an earlier version.";

    /// <summary>The duty that a command is for, and what it is about there; null where it is for none.</summary>
    public static (ILeaderDuty Duty, string Thing)? Find(this IEnumerable<ILeaderDuty> duties, LeaderEntry command)
    {
        foreach (ILeaderDuty duty in duties)
        {
            if (duty.ThingOf(command) is { } thing)
            {
                return (duty, thing);
            }
        }

        return null;
    }

    /// <summary>Does what one command asks for.</summary>
    public static async Task<LeaderAnswer> ObeyAsync(this IEnumerable<ILeaderDuty> duties, LeaderEntry command, ILeaderSession session) =>
        duties.Find(command) is { } found ? (await found.Duty.ObeyAsync([command], session))[0] : new LeaderAnswer(Unknown(command));

    /// <summary>What is said to a command that is for no duty.</summary>
    public static string Unknown(LeaderEntry command) => $"The program that leads does not know '{command.Kind}': it may be of an earlier version.";

    /// <inheritdoc cref="ILeaderDuty.WorkAsync"/>
    public static async Task<DateTimeOffset?> WorkAsync(this IEnumerable<ILeaderDuty> duties, ILeaderSession session, CancellationToken stopping)
    {
        List<DateTimeOffset?> due = [];
        foreach (ILeaderDuty duty in duties)
        {
            due.Add(await duty.WorkAsync(session, stopping));
        }

        return due.Min();
    }
}
