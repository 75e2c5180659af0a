using System.Runtime.CompilerServices;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>The events for one client: from the history what it has missed, and then what happens.</summary>
internal sealed class EventFeed(TaskEvents events, TaskProjection projection, ITaskHistory history)
{
    /// <summary>The events that fit, until it is cancelled.</summary>
    /// <param name="patterns">Which ones.</param>
    /// <param name="after">The offset of the last event the client has; null for those from now on.</param>
    /// <param name="cancellationToken">Ends the reading.</param>
    /// <exception cref="SubscriberTooSlowException">The client did not keep up.</exception>
    public async IAsyncEnumerable<TaskEvent> ReadAsync(
        IReadOnlyList<TopicPattern> patterns, long? after, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        // Events that come while the missed ones are sent are read from the history too: the subscription begins at its end only.
        EventSubscription? subscription = after is null ? events.Subscribe(patterns) : null;
        try
        {
            long last = after ?? -1;
            if (after is { } start)
            {
                long? meet = null;
                await foreach (IReadOnlyList<HistoryRecord> group in history.FollowAsync(start + 1, cancellationToken))
                {
                    foreach (HistoryRecord record in group)
                    {
                        last = record.Offset;
                        if (TaskEvent.Of(record) is { } missed && missed.Fits(patterns))
                        {
                            yield return missed;
                        }
                    }

                    long seen = projection.Progress.LastOffset ?? -1;
                    bool isRead = !projection.Progress.IsReplaying;
                    if (isRead && group.Count == 0 && last == start && last > seen)
                    {
                        // An id of a history that was deleted and made anew says nothing of this one: from now on.
                        last = seen;
                    }

                    // What the projection only replays is told to nobody.
                    if (isRead && subscription is null && (group.Count == 0 || last >= seen))
                    {
                        // Whatever the projection has by now may have been told before the subscription.
                        subscription = events.Subscribe(patterns);
                        meet = projection.Progress.LastOffset ?? -1;
                    }

                    if (subscription is not null && last >= meet)
                    {
                        break;
                    }
                }
            }

            await foreach (TaskEvent happened in (subscription ??= events.Subscribe(patterns)).ReadAsync(cancellationToken))
            {
                if (happened.Offset is null || happened.Offset > last)
                {
                    yield return happened;
                }
            }
        }
        finally
        {
            subscription?.Dispose();
        }
    }
}
