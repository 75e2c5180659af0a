using System.Collections.Concurrent;
using WorkQueue.Messaging.Publishing;

namespace WorkQueue.Messaging.Leading;

/// <summary>
/// The confirms of tasks that a leader sends. One queue that stands still must not keep it from all the others: it waits a moment for that one, and sends nothing more there until all is
/// confirmed. What was not confirmed in time is sent again then, under its id, as it would be by the next leader.
/// </summary>
internal sealed class TaskConfirms(TimeProvider clock)
{
    /// <summary>How long a confirm is waited for: less than workers go on with the starts of a rate that they have (docs/flow.md).</summary>
    public static readonly TimeSpan Patience = TimeSpan.FromSeconds(3);

    // A confirm that has not come by then may never come; on another channel it may.
    private static readonly TimeSpan Hopeless = TimeSpan.FromMinutes(10);

    // To one queue. The client has 128 in flight on a channel, and those of the log must not wait for these.
    private const int AtOnce = 48;

    private readonly ConcurrentDictionary<string, Destination> _destinations = new(StringComparer.Ordinal);

    /// <summary>Sends a task and waits for its confirm.</summary>
    /// <param name="message">The task.</param>
    /// <param name="limit">How long to wait, if that is shorter than <see cref="Patience"/>.</param>
    /// <param name="send">Sends it; what it returns is the confirm.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <exception cref="PublishFailedException">Its queue does not confirm.</exception>
    /// <exception cref="TimeoutException">Nor has it for so long that the channel is to be given up.</exception>
    public async Task SendAsync(OutgoingMessage message, TimeSpan limit, Func<Task> send, CancellationToken cancellationToken)
    {
        Destination to = _destinations.GetOrAdd(message.Destination, _ => new Destination());
        await to.Places.WaitAsync(cancellationToken);
        try
        {
            if (Volatile.Read(ref to.Owed) > 0)
            {
                throw clock.GetElapsedTime(to.Since) < Hopeless
                    ? Late(message, PublishOutcome.Unavailable, "has not confirmed what was sent there before; nothing was sent")
                    : new TimeoutException($"the queue of '{message.RoutingKey}' has not confirmed for {Hopeless.TotalMinutes:0} minutes");
            }

            TimeSpan wait = limit < Patience ? limit : Patience;
            Task confirm = send();
            try
            {
                await confirm.WaitAsync(wait, clock, cancellationToken);
            }
            catch (TimeoutException) when (!confirm.IsFaulted)
            {
                Owe(to, confirm);
                throw Late(message, PublishOutcome.Unknown, $"did not confirm within {wait.TotalSeconds:0} seconds");
            }
        }
        finally
        {
            to.Places.Release();
        }
    }

    private void Owe(Destination to, Task confirm)
    {
        if (Interlocked.Increment(ref to.Owed) == 1)
        {
            to.Since = clock.GetTimestamp();
        }

        _ = confirm.ContinueWith(
            late =>
            {
                // Looked at: nobody else does.
                _ = late.Exception;
                Interlocked.Decrement(ref to.Owed);
            },
            CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }

    private static PublishFailedException Late(OutgoingMessage message, PublishOutcome outcome, string how) =>
        new(outcome, $"The queue of '{message.RoutingKey}' {how}.") { IsOfQueue = true };

    private sealed class Destination
    {
        public int Owed;

        public SemaphoreSlim Places { get; } = new(AtOnce);

        public long Since { get; set; }
    }
}
