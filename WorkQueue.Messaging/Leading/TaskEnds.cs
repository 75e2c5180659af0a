using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Leading;

/// <summary>Tells the leader that a task has ended, where its message asks for it.</summary>
internal sealed class TaskEnds(IPublisher publisher, LeaderNeed need, TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock, ILogger<TaskEnds> logger) : IDisposable
{
    /// <summary>A task of a schedule: then comes its name.</summary>
    public const string OfSchedule = "schedule";

    /// <summary>A task with a key: then comes what the key is hashed to.</summary>
    public const string OfKey = "unique";

    /// <summary>A member of a batch: then comes its id and the member's number.</summary>
    public const string OfBatch = BatchMark.Prefix;

    // Those that the broker does not take wait here, so that no slot has to.
    private const int MostWaiting = 10_000;

    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);
    private static readonly TimeSpan TrySoon = TimeSpan.FromSeconds(1);

    // A queue that was deleted is declared again by whoever leads.
    private static readonly TimeSpan QueueIsBackAfter = TimeSpan.FromSeconds(30);

    private readonly CancellationTokenSource _disposed = new();
    private int _waiting;
    private long _missingSince;

    /// <summary>
    /// Returns when the broker has it, or after a few seconds: then it is told again and again beside, as long as this program runs. Where it never is, what the task
    /// belongs to takes it to go on. A batch waits for each of its members, so that for one it returns when the broker has it, or the delivery is not to be settled.
    /// </summary>
    /// <param name="task">The task.</param>
    /// <param name="state">How it has ended.</param>
    /// <param name="stop">Ends the waiting: the program stops.</param>
    /// <param name="takenBack">The broker took the delivery back.</param>
    /// <returns>False where the broker has it not, and the delivery is not to be settled: whoever gets the task then tells it.</returns>
    public async ValueTask<bool> TellAsync(TaskMessage task, TaskState state, CancellationToken stop, CancellationToken takenBack)
    {
        // Never a command of another kind, whatever the header of a foreign message says.
        if (task.EndTold?.Split(':', 2) is not [OfSchedule or OfKey or OfBatch, { Length: > 0 } name] of)
        {
            return true;
        }

        LeaderEntry entry = new($"{of[0]}.ended", JsonSerializer.SerializeToUtf8Bytes(new TaskEnd(name, task.Id, task.Redriven, state), TaskEndJson.Default.TaskEnd));
        if (of[0] == OfBatch)
        {
            // Batches end as long as their workers run, whoever else does.
            need.TakePart();
            return await TellSurelyAsync(entry, task.Id, stop, takenBack);
        }

        if (await TellAsync(entry, Patience, stop) is not { } failure || IsMissing(failure))
        {
            // No queue, and with it nobody who waits.
            return true;
        }

        logger.EndUntold(task.Id, failure.Message);
        if (!stop.IsCancellationRequested && Volatile.Read(ref _waiting) < MostWaiting)
        {
            _ = KeepTellingAsync(entry);
        }

        return !stop.IsCancellationRequested;
    }

    public void Dispose()
    {
        _disposed.Cancel();
        _disposed.Dispose();
    }

    private async Task<bool> TellSurelyAsync(LeaderEntry entry, string taskId, CancellationToken stop, CancellationToken takenBack)
    {
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(stop, takenBack);
        while (await TellAsync(entry, options.Value.ConfirmTimeout, end.Token) is { } failure)
        {
            if (end.IsCancellationRequested)
            {
                return false;
            }

            if (IsMissing(failure) && IsMissingForLong())
            {
                logger.EndLost(taskId, QueueIsBackAfter);
                return true;
            }

            logger.EndUntold(taskId, failure.Message);
            await Task.Delay(TrySoon, clock, end.Token).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        Volatile.Write(ref _missingSince, 0);
        return true;
    }

    // Since the first of all tasks has met it so: the others need not wait as long once more.
    private bool IsMissingForLong()
    {
        long now = clock.GetTimestamp();
        long since = Interlocked.CompareExchange(ref _missingSince, now, 0);
        return since != 0 && clock.GetElapsedTime(since, now) > QueueIsBackAfter;
    }

    private async Task KeepTellingAsync(LeaderEntry entry)
    {
        CancellationToken disposed = _disposed.Token;
        Interlocked.Increment(ref _waiting);
        Exception? failure;
        do
        {
            await Task.Delay(TryAgain, clock, disposed).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            failure = disposed.IsCancellationRequested ? null : await TellAsync(entry, options.Value.ConfirmTimeout, disposed);
        }
        while (failure is not null && !IsMissing(failure));

        Interlocked.Decrement(ref _waiting);
    }

    private static bool IsMissing(Exception failure) => failure is PublishFailedException { Outcome: PublishOutcome.Returned };

    private async Task<Exception?> TellAsync(LeaderEntry entry, TimeSpan patience, CancellationToken stop)
    {
        try
        {
            await publisher.PublishAsync(LeaderSession.MessageOf(topology.Leader.Queue, entry), patience, stop);
            return null;
        }
        catch (Exception failure) when (failure is PublishFailedException or OperationCanceledException or ObjectDisposedException)
        {
            return failure;
        }
    }
}

/// <summary>A task has ended.</summary>
/// <param name="Name">Of what it was one.</param>
/// <param name="TaskId">Its id.</param>
/// <param name="Redriven">How often it had been redriven.</param>
/// <param name="State">How it has ended.</param>
internal sealed record TaskEnd(string Name, string TaskId, int Redriven, TaskState State)
{
    /// <summary>Null for one that a later version may understand.</summary>
    public static TaskEnd? Read(ReadOnlyMemory<byte> body) => EntryJson.Read(body, TaskEndJson.Default.TaskEnd) is { Name: not null, TaskId: not null } end ? end : null;
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true)]
[JsonSerializable(typeof(TaskEnd))]
internal sealed partial class TaskEndJson : JsonSerializerContext;
