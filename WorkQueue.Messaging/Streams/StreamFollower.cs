using System.Runtime.CompilerServices;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.Messaging.Streams;

/// <summary>Reads streams on the consuming connection: from an offset on, over lost connections, and single messages again.</summary>
internal sealed class StreamFollower(SupervisedConnection connection, TimeProvider clock, ILogger<StreamFollower> logger)
{
    private static readonly TimeSpan Quiet = TimeSpan.FromMilliseconds(500);

    // The message that was read last is asked for again. It is there: the newest part of a stream is never dropped.
    private const int QuietGroups = 20;

    private static readonly TimeSpan SingleLimit = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Reads until it is cancelled. A group is what was there; an empty one says that for the moment there is nothing more. A stream that was
    /// deleted and made anew meanwhile is read from its beginning: its offsets begin again, below those before.
    /// </summary>
    /// <param name="stream">The stream.</param>
    /// <param name="from">The first offset; null for the oldest that is kept.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <param name="unreadable">Told each time the broker does not let it be read, with the reason.</param>
    /// <param name="anew">Told before it is read from its beginning again.</param>
    public async IAsyncEnumerable<IReadOnlyList<StreamMessage>> FollowAsync(
        string stream, long? from, [EnumeratorCancellation] CancellationToken cancellationToken, Action<string>? unreadable = null, Action? anew = null)
    {
        Backoff backoff = new(clock, TimeSpan.FromSeconds(4));
        StreamMessage? last = null;
        while (true)
        {
            await using StreamReading subscription = new(clock);
            string? problem = await TrySubscribeAsync(subscription, stream, last?.Offset ?? from, cancellationToken);
            bool isAnew = false;
            if (problem is null)
            {
                backoff.Opened();
                StreamMessage? again = last;
                int quiet = 0;
                while (!isAnew && await subscription.NextGroupAsync(Quiet, cancellationToken) is { } group)
                {
                    if (again is { } expected)
                    {
                        isAnew = group.Count > 0 ? !Goes(on: group[0], after: expected) : ++quiet == QuietGroups;
                        if (isAnew || group.Count == 0)
                        {
                            continue;
                        }

                        again = null;
                        group = group[0].Offset == expected.Offset ? [.. group.Skip(1)] : group;
                        if (group.Count == 0)
                        {
                            continue;
                        }
                    }

                    yield return group;
                    if (group.Count > 0)
                    {
                        last = group[^1];
                        await subscription.AcknowledgeAsync(group[^1].Tag);
                    }
                }

                problem = subscription.Problem;
            }

            if (isAnew)
            {
                logger.StreamAnew(stream);
                anew?.Invoke();
                (last, from) = (null, null);
                continue;
            }

            if (connection.Problem is null)
            {
                unreadable?.Invoke(problem ?? "the subscription ended");
            }

            cancellationToken.ThrowIfCancellationRequested();
            logger.StreamInterrupted(stream, problem ?? "the subscription ended");
            await connection.TryRepairAsync(cancellationToken);
            await backoff.WaitAsync(cancellationToken);
        }
    }

    /// <summary>Reads the messages at some offsets; those that are no longer kept are left out.</summary>
    public async Task<IReadOnlyList<StreamMessage>> ReadAsync(string stream, IEnumerable<long> offsets, CancellationToken cancellationToken)
    {
        List<StreamMessage> found = [];
        foreach (long offset in offsets)
        {
            // A consumer for each: what lies between two records of a task may be millions of others.
            await using StreamReading subscription = new(clock, prefetch: 1);
            await subscription.OpenAsync(connection, stream, offset, cancellationToken);
            if (await subscription.NextGroupAsync(SingleLimit, cancellationToken) is [var message, ..] && message.Offset == offset)
            {
                found.Add(message);
            }
        }

        return found;
    }

    /// <summary>The newest messages, of the last part that the broker wrote at once; none when the stream is empty.</summary>
    public async Task<IReadOnlyList<StreamMessage>> ReadEndAsync(string stream, CancellationToken cancellationToken)
    {
        List<StreamMessage> found = [];
        await using StreamReading subscription = new(clock);
        await subscription.OpenAsync(connection, stream, "last", cancellationToken);
        long start = clock.GetTimestamp();
        // Under load there is always a next one; that part is here within a moment.
        while (clock.GetElapsedTime(start) < SingleLimit)
        {
            IReadOnlyList<StreamMessage> group = await subscription.NextGroupAsync(found.Count == 0 ? SingleLimit : Quiet, cancellationToken)
                ?? throw new IOException(subscription.Problem);
            if (group.Count == 0)
            {
                break;
            }

            found.AddRange(group);
            await subscription.AcknowledgeAsync(group[^1].Tag);
        }

        return found;
    }

    // What was read last is still there, or was dropped with all before it.
    private static bool Goes(StreamMessage on, StreamMessage after) => on.Offset > after.Offset
        || (on.Offset == after.Offset && on.RoutingKey == after.RoutingKey && on.Properties.MessageId == after.Properties.MessageId && on.Body.Span.SequenceEqual(after.Body.Span));

    private async Task<string?> TrySubscribeAsync(StreamReading subscription, string stream, long? from, CancellationToken cancellationToken)
    {
        try
        {
            await subscription.OpenAsync(connection, stream, from is { } offset ? offset : "first", cancellationToken);
            return null;
        }
#pragma warning disable CA1031 // Whatever went wrong, the answer is the same: say it, wait, try again.
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
        {
            return failure.Message;
        }
    }
}
