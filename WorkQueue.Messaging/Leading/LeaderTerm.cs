using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Leading;

/// <summary>The time for which this program leads: it does what it is asked to, and what is due, one after the other.</summary>
internal sealed class LeaderTerm(LeaderSession session, LeaderLog log, IEnumerable<ILeaderDuty> duties, LeaderLimits limits, TimeSpan renew, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(60);
    private static readonly TimeSpan TokenLimit = TimeSpan.FromSeconds(30);

    // Whether it still leads it sees from the log, which wakes nobody.
    private static readonly TimeSpan Look = TimeSpan.FromSeconds(5);

    private long _whole;

    /// <summary>Begins, with what those before have decided.</summary>
    public async Task BeginAsync(CancellationToken stopping)
    {
        Task<LeaderAnswer> heard = log.ExpectAsync(session.Id);
        try
        {
            // What the one before has written stands before this entry, or is passed over.
            await session.WriteAsync(new LeaderEntry(LeaderLog.Leads, default, session.Id));
            await heard.WaitAsync(ReadLimit, clock, stopping);
        }
        finally
        {
            log.Unexpect(session.Id);
        }

        foreach (ILeaderDuty duty in duties)
        {
            duty.Begin();
        }

        if (limits.AreOver(log.SinceWhole))
        {
            await WriteAllAsync();
        }

        logger.Leads();
    }

    /// <summary>Leads until another does, or the session ends; both are told by an exception.</summary>
    public async Task LeadAsync(LeaderDelivery? next, CancellationToken stopping)
    {
        LeaderToken token = new(session, renew, TokenLimit, clock);
        LeaderOrders orders = new(session, duties, clock, logger);
        while (true)
        {
            if (log.Leader != session.Id)
            {
                throw new IOException("another program leads: the broker has taken this one for dead");
            }

            // Before anything is changed: what was due by then is enqueued as it was.
            DateTimeOffset? due = await duties.WorkAsync(session, stopping);
            List<LeaderDelivery> commands = [];
            for (; next is not null; next = session.TryNext())
            {
                if (next.Command.Kind == LeaderSession.Token)
                {
                    await token.ReceivedAsync(next);
                }
                else
                {
                    commands.Add(next);
                }
            }

            await orders.ObeyAsync(commands);

            await token.RenewAsync();
            // What is written anew is never more than what has come since the last time.
            if (limits.AreOver(session.Written) && session.Written.Bytes >= _whole)
            {
                await WriteAllAsync();
            }

            stopping.ThrowIfCancellationRequested();
            next = await session.NextAsync(commands.Count > 0 ? TimeSpan.Zero : Shortest(Look, token.Wait, due - clock.GetUtcNow()), stopping);
        }
    }

    private async Task WriteAllAsync()
    {
        // Who leads matters too: where it began may have been dropped by then.
        long before = session.Written.Bytes;
        await session.WriteAsync(new LeaderEntry(LeaderLog.Leading, default));
        foreach (ILeaderDuty duty in duties)
        {
            await duty.WriteAllAsync(session);
        }

        _whole = session.Written.Bytes - before;
        await session.WriteAsync(new LeaderEntry(LeaderLog.Whole, default));
    }

    // A null one has no say.
    private static TimeSpan Shortest(params TimeSpan?[] times) => times.Min() ?? TimeSpan.Zero;
}
