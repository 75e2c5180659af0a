using System.Collections.Concurrent;
using System.Security.Cryptography;
using System.Text;
using Microsoft.Extensions.Options;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>
/// Tasks whose id is made from an <c>Idempotency-Key</c>: each is enqueued once, whoever sends the key again is told its state, and another
/// task under the same key is refused. The history knows the keys; those of the last moments, which it may not know yet, are remembered here.
/// </summary>
internal sealed class KeyedTasks(
    ITaskQueue queue, TaskProjection projection, ITaskHistory history, HistorySettings settings, IOptions<WorkQueueOptions> options, TimeProvider clock)
{
    private const int MostRemembered = 10_000;

    // A start is no reason for an error while it is only a moment.
    private static readonly TimeSpan ReplayPatience = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, KeyClaim> _claims = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<KeyClaim> _oldest = new();

    /// <summary>Enqueues a task that has its id from a key, except where that is done already.</summary>
    /// <exception cref="KeyReusedException">The key was used for a task of another type, queue or payload.</exception>
    /// <exception cref="BadHttpRequestException">503: the history is still being read, and does not tell of the key yet.</exception>
    public async Task<EnqueuedTask> EnqueueAsync(NewTask task, CancellationToken cancellationToken)
    {
        string id = task.Id!;
        string contents = ContentsOf(task);
        while (true)
        {
            (KeyClaim claim, bool isMine) = Claim(id, contents);
            if (isMine)
            {
                // Not with this caller's token: others may wait for the same answer.
                _ = RunAsync(claim, task);
            }
            else if (claim.Contents != contents)
            {
                await ((Task)claim.Sent).WaitAsync(cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
                if (claim.SentNothing)
                {
                    continue;
                }

                throw new KeyReusedException(id);
            }

            EnqueuedTask sent = await claim.Sent.WaitAsync(cancellationToken);
            return Find(id) is { } known ? sent with { State = known.State } : sent;
        }
    }

    /// <summary>Whether the history has a task only because no queue took it.</summary>
    public static bool WasNotEnqueued(TaskView task) => task is { State: TaskState.Cancelled, Reason: ITaskHistory.NotEnqueued };

    private (KeyClaim Claim, bool IsMine) Claim(string id, string contents)
    {
        KeyClaim mine = new(id, contents);
        KeyClaim claim = _claims.GetOrAdd(id, mine);
        if (claim != mine && claim.Sent.IsFaulted && (claim.SentNothing || claim.Contents == contents))
        {
            mine = new KeyClaim(id, contents, claim);
            claim = _claims.TryUpdate(id, mine, claim) ? mine : _claims.GetOrAdd(id, mine);
        }

        if (claim == mine)
        {
            Remember(mine);
        }

        return (claim, claim == mine);
    }

    private void Remember(KeyClaim claim)
    {
        _oldest.Enqueue(claim);
        for (int more = _oldest.Count - MostRemembered; more > 0 && _oldest.TryDequeue(out KeyClaim? oldest); more--)
        {
            if (oldest.Sent.IsCompleted)
            {
                _claims.TryRemove(KeyValuePair.Create(oldest.Id, oldest));
            }
            else
            {
                _oldest.Enqueue(oldest);
            }
        }
    }

    private async Task RunAsync(KeyClaim claim, NewTask task)
    {
        try
        {
            claim.Succeed(await SendAsync(task, claim.IsDoubtful));
        }
#pragma warning disable CA1031 // It is thrown to all who wait for it.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            claim.Fail(failure);
            if (claim is { SentNothing: true, LeftTrace: false })
            {
                // A call that failed does not use up its key.
                _claims.TryRemove(KeyValuePair.Create(claim.Id, claim));
            }
        }
    }

    private async Task<EnqueuedTask> SendAsync(NewTask task, bool isDoubtful)
    {
        string id = task.Id!;
        // While the history is being read, what it says of a task may have been over long ago.
        TaskView? known = await FindReplayedAsync(id);
        // After a failure only what a worker has had is surely there.
        if (known is null || (isDoubtful && known is { State: TaskState.Queued or TaskState.Scheduled or TaskState.Unknown, Attempt: 1, StartedAt: null }))
        {
            return await queue.EnqueueAsync(task, CancellationToken.None);
        }

        return await IsSameAsync(task, known) ? new EnqueuedTask(id, known.State) : throw new KeyReusedException(id);
    }

    private TaskView? Find(string id) => projection.Find(id) is { } known && !WasNotEnqueued(known) ? known : null;

    private async Task<TaskView?> FindReplayedAsync(string id)
    {
        try
        {
            while (true)
            {
                Task replayed = projection.Replayed;
                await replayed.WaitAsync(ReplayPatience, clock);
                TaskView? known = Find(id);
                // Not made anew between the two.
                if (projection.Replayed == replayed)
                {
                    return known;
                }
            }
        }
        catch (TimeoutException)
        {
            throw new BadHttpRequestException(
                "The history is still being read, so it is not known yet whether this Idempotency-Key was used. Nothing was enqueued; try again.", StatusCodes.Status503ServiceUnavailable);
        }
    }

    private async Task<bool> IsSameAsync(NewTask task, TaskView known)
    {
        (string? type, string queueName) = KindOf(task);
        if (known.Type != type || !known.Queue.Equals(queueName, StringComparison.OrdinalIgnoreCase))
        {
            return false;
        }

        if (!settings.KeepsPayloads)
        {
            return true;
        }

        IReadOnlyList<HistoryRecord> records = await history.ReadAsync(projection.OffsetsOf(known.Id), CancellationToken.None);
        // What came before was sent and no queue took it: the key was free again.
        HistoryRecord? first = records.Where(record => record.TaskId == known.Id).OrderBy(record => record.Offset)
            .Reverse().TakeWhile(record => record is not { State: TaskState.Cancelled, Reason: ITaskHistory.NotEnqueued }).Reverse()
            .FirstOrDefault(record => record is { Kind: HistoryKind.State, State: TaskState.Queued or TaskState.Scheduled });
        return first is null || (first.ContentType == task.ContentType && first.Body.Span.SequenceEqual(task.Body.Span) && ChainView.AreSame(first.Then, task.Then));
    }

    private string ContentsOf(NewTask task)
    {
        (string? type, string queueName) = KindOf(task);
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        hash.AppendData(Encoding.UTF8.GetBytes($"{type}\n{queueName.ToUpperInvariant()}\n{task.ContentType}\n"));
        hash.AppendData(task.Body.Span);
        foreach (NewTask step in task.Then)
        {
            hash.AppendData(Encoding.UTF8.GetBytes($"\n{step.Type}\n{KindOf(step).Queue.ToUpperInvariant()}\n{step.Delay}\n{step.Body.Length}\n"));
            hash.AppendData(step.Body.Span);
        }

        return Convert.ToHexString(hash.GetHashAndReset());
    }

    // As the queue itself fills in what is not said.
    private (string? Type, string Queue) KindOf(NewTask task)
    {
        WorkQueueOptions all = options.Value;
        QueueOptions? named = all.Queues.GetValueOrDefault(task.Queue ?? WorkQueueOptions.DefaultQueue);
        string? type = task.Type ?? named?.DefaultType;
        return (type, task.Queue ?? all.Types.GetValueOrDefault(type ?? "")?.Queue ?? WorkQueueOptions.DefaultQueue);
    }
}
