namespace WorkQueue.Messaging.Leading;

/// <summary>All that a leader has to do.</summary>
internal static class LeaderDuties
{
    /// <inheritdoc cref="ILeaderDuty.ObeyAsync"/>
    public static async Task<string?> ObeyAsync(this IEnumerable<ILeaderDuty> duties, LeaderEntry command, ILeaderSession session)
    {
        string? refusal = null;
        foreach (ILeaderDuty duty in duties)
        {
            refusal ??= await duty.ObeyAsync(command, session);
        }

        return refusal;
    }

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
