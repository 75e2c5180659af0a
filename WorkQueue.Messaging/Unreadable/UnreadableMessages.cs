using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Unreadable;

/// <summary>
/// Sets aside what the client cannot read. It decodes a message's headers while it reads from the connection, so that one it cannot decode ends
/// the whole connection, as often as it is delivered (docs/adr/0011). After such an end the queues that were read are gone through without the
/// client: what it could not read is published as it is to <c>wq.unreadable</c>, and acknowledged once that is confirmed; the rest is given back.
/// </summary>
internal sealed class UnreadableMessages(
    IConnectionFactory factory, IReadOnlyList<AmqpTcpEndpoint> endpoints, TaskTopology topology, TimeProvider clock, ILogger logger) : IUnreadableMessages
{
    // The message may have gone to another worker meanwhile, and comes back when that has lost its connection too.
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);
    private static readonly TimeSpan Longest = TimeSpan.FromMinutes(2);

    private readonly ConcurrentDictionary<object, UnreadableSearch> _read = new();
    private volatile IReadOnlyList<UnreadableSearch>? _suspected;

    public IDisposable Reads(string queue, int most, int behind)
    {
        Reading reading = new(_read);
        _read[reading] = new UnreadableSearch(queue, most, behind);
        return reading;
    }

    public bool Suspects(ShutdownEventArgs shutdown)
    {
        bool suspects = IsOfAMessage(shutdown);
        if (suspects)
        {
            _suspected = [.. _read.Values.DistinctBy(search => search.Queue)];
        }

        return suspects;
    }

    /// <summary>Whether the client itself ended a connection over what it had read: what a lost connection throws is not of these.</summary>
    public static bool IsOfAMessage(ShutdownEventArgs? shutdown) =>
        shutdown is { Initiator: ShutdownInitiator.Library, Exception: HardProtocolException or ArgumentException or IndexOutOfRangeException };

    public async Task<string?> SetAsideAsync(CancellationToken stopping)
    {
        if (Interlocked.Exchange(ref _suspected, null) is not { Count: > 0 } searches)
        {
            return null;
        }

        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(Longest);
        string queues = string.Join(", ", searches.Select(search => search.Queue));
        try
        {
            logger.LookingForUnreadable(queues);
            await using RawConnection connection = await RawConnection.OpenAsync(factory, endpoints, limit.Token);
            await SearchAsync(connection, searches, limit.Token);
            await connection.CloseAsync(limit.Token);
            if (searches.All(search => search.Found == 0))
            {
                logger.NoUnreadableFound(queues);
            }

            return null;
        }
#pragma warning disable CA1031 // Whatever it is, the client is to try again: what cannot be set aside now is still there the next time.
        catch (Exception failure) when (!stopping.IsCancellationRequested)
#pragma warning restore CA1031
        {
            string problem = $"a message that cannot be read ends the connection, and could not be set aside ({failure.Message}); "
                + (searches.FirstOrDefault(search => search.Stuck is not null)?.Stuck ?? $"it is in one of the queues {queues}");
            logger.UnreadableStays(problem);
            return problem;
        }
    }

    private async Task SearchAsync(RawConnection connection, IReadOnlyList<UnreadableSearch> searches, CancellationToken cancellationToken)
    {
        List<UnreadableSearch> mine = [];
        foreach (UnreadableSearch search in searches)
        {
            // One at a time, since each look counts as a delivery of what is healthy.
            if (await search.BeginAsync(connection, topology, cancellationToken))
            {
                mine.Add(search);
            }
        }

        long start = clock.GetTimestamp();
        bool goesOn = true;
        while (goesOn)
        {
            foreach (UnreadableSearch search in mine)
            {
                await search.GoOnAsync(topology, logger, cancellationToken);
            }

            // Those who came too late wait as long: to connect sooner would be to meet the same message again.
            goesOn = mine.All(search => search.Found == 0) && clock.GetElapsedTime(start) < Patience
                && (mine.Any(search => !search.IsOver) || (mine.Count == 0 && await IsBusyAsync(connection, searches, cancellationToken)));
            await Task.Delay(goesOn ? Pause : TimeSpan.Zero, clock, cancellationToken);
        }

        foreach (UnreadableSearch search in mine)
        {
            await search.EndAsync(cancellationToken);
        }
    }

    private async Task<bool> IsBusyAsync(RawConnection connection, IReadOnlyList<UnreadableSearch> searches, CancellationToken cancellationToken)
    {
        foreach (UnreadableSearch search in searches)
        {
            if (!await search.BeginAsync(connection, topology, cancellationToken))
            {
                return true;
            }
        }

        return false;
    }

    private sealed class Reading(ConcurrentDictionary<object, UnreadableSearch> all) : IDisposable
    {
        public void Dispose() => all.TryRemove(this, out _);
    }
}
