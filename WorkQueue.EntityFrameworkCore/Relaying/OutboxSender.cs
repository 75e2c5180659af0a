using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.EntityFrameworkCore.Storage;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;

namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>Sends the rows of a batch: those of a sequence one after the other, each when the one before it is confirmed, all others side by side.</summary>
internal sealed class OutboxSender(
    ITaskQueue queue, [FromKeyedServices(ConnectionPurpose.Publish)] SupervisedConnection connection, WorkQueueTelemetry telemetry, TimeProvider clock)
{
    /// <summary>Sends rows, and waits for every confirm: what is under way cannot be called back.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="limit">For how long one of a sequence is still begun.</param>
    public Task<SendOutcome[]> SendAsync(IReadOnlyList<OutboxRow> rows, TimeSpan limit)
    {
        long start = clock.GetTimestamp();
        Dictionary<string, Task<SendOutcome>> last = new(StringComparer.Ordinal);
        Task<SendOutcome>[] sending = new Task<SendOutcome>[rows.Count];
        for (int index = 0; index < rows.Count; index++)
        {
            OutboxRow row = rows[index];
            sending[index] = row.Sequence is not null && last.TryGetValue(row.Sequence, out Task<SendOutcome>? before) ? SendAfterAsync(before, row, start, limit) : SendAsync(row);
            if (row.Sequence is not null)
            {
                last[row.Sequence] = sending[index];
            }
        }

        return Task.WhenAll(sending);
    }

    private async Task<SendOutcome> SendAfterAsync(Task<SendOutcome> before, OutboxRow row, long start, TimeSpan limit) =>
        await before is SendOutcome.Sent && clock.GetElapsedTime(start) < limit ? await SendAsync(row) : new SendOutcome.Left();

    private async Task<SendOutcome> SendAsync(OutboxRow row)
    {
        bool isUnique = false;
        try
        {
            // What was cancelled since it was enqueued, or sent for the first time, stays so.
            NewTask task = TaskJson.Read(row.Format, row.Task) with { IsRepeat = true };
            isUnique = task.Unique is not null;
            if (task.Deadline <= clock.GetUtcNow())
            {
                return new SendOutcome.Refused($"its deadline {task.Deadline:u} was over before the broker could have it", IsRule: true, IsFinal: true);
            }

            // Who asks for a key would wait for as long as a program needs to take over from another one.
            if (isUnique && connection.FirstTry.IsCompleted && connection.Problem is { } problem)
            {
                return new SendOutcome.Unavailable($"The broker is not available: {problem}.");
            }

            using Activity? origin = telemetry.StartFollowing("relay task", row.TraceParent, row.TraceState);
            await queue.EnqueueAsync(task, CancellationToken.None);
            return new SendOutcome.Sent();
        }
        catch (Exception refusal) when (refusal is InvalidTaskException or FormatException)
        {
            return new SendOutcome.Refused(refusal.Message, IsRule: true);
        }
        // Where a key is decided by a program that is away, tasks without one can be sent all the same.
        catch (TaskNotEnqueuedException away) when (away.Outcome == PublishOutcome.Unavailable && (!isUnique || connection.Problem is not null))
        {
            return new SendOutcome.Unavailable(away.Message);
        }
        catch (TaskNotEnqueuedException refusal)
        {
            return new SendOutcome.Refused(refusal.Message, IsOfQueue: refusal.Outcome != PublishOutcome.Unavailable);
        }
#pragma warning disable CA1031 // Whatever it is, the other rows have nothing to do with it, and this one is tried again.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            return new SendOutcome.Refused(failure.Message);
        }
    }
}
