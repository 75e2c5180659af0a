namespace WorkQueue.Messaging.Batches;

/// <summary>
/// A batch, as the entries of the log make it: read so by every program, and by the one that leads after it has written them. Which members have ended is a set, not a
/// count: an end may be told twice. Not safe for use by several at once.
/// </summary>
internal sealed class BatchRecord
{
    /// <summary>Members a batch may have.</summary>
    public const int MostMembers = 100_000;

    // Who adds tasks needs so long at most, but for a broker that is away.
    private static readonly TimeSpan AdditionLimit = TimeSpan.FromMinutes(5);

    private static readonly TimeSpan KeptLong = TimeSpan.FromDays(7);
    private static readonly TimeSpan Kept = TimeSpan.FromHours(24);

    // A command that the leader before had obeyed comes again soon, and before any other.
    private static readonly TimeSpan RepeatLimit = TimeSpan.FromMinutes(1);

    private readonly Dictionary<string, BatchAddition> _additions = new(StringComparer.Ordinal);
    private readonly Queue<BatchAddition> _unnamed = new();
    private BatchMarks _marks = new();
    private string? _problem;

    public BatchRecord(string id, BatchStart start) => (Id, Start) = (id, start);

    public string Id { get; }

    public BatchStart Start { get; }

    public DateTimeOffset? ClosedAt { get; private set; }

    public DateTimeOffset? CompletedAt { get; private set; }

    public DateTimeOffset? SucceededAt { get; private set; }

    public DateTimeOffset? CancelledAt { get; private set; }

    /// <summary>When the workers had been told that its members are cancelled.</summary>
    public DateTimeOffset? StoppedAt { get; private set; }

    public string? Problem => _problem;

    /// <summary>What became of its members.</summary>
    public BatchMarks Marks => _marks;

    /// <summary>Keys that are kept as long as it is.</summary>
    public int Keys => _additions.Count - _unnamed.Count;

    /// <summary>All that can be added has been, and every member has ended.</summary>
    public bool HasEnded => CompletedAt is not null || (ClosedAt is not null && _marks.Pending == 0);

    /// <summary>Every member has succeeded.</summary>
    public bool HasSucceeded => HasEnded && _marks.DeadLettered == 0 && _marks.Cancelled == 0;

    /// <summary>Nothing can change any more.</summary>
    public bool IsFinal => SucceededAt is not null
        || (CompletedAt is not null && _marks is { DeadLettered: 0, Cancelled: > 0 })
        || (StoppedAt is not null && _marks.Pending == 0);

    /// <summary>When it may be forgotten; null for never.</summary>
    public DateTimeOffset? Expires => CancelledAt is null && HasSucceeded && SucceededAt is null ? null : (SucceededAt ?? CompletedAt ?? StoppedAt) is { } end ? end + (IsFinal ? Kept : KeptLong) : null;

    public BatchAddition? Addition(string key) => _additions.GetValueOrDefault(key);

    /// <summary>It is as an entry says.</summary>
    public void Apply(BatchChange change)
    {
        if (change.Added is { } added)
        {
            _additions[added.Key] = added;
            _marks.Grow(added.First + added.Count);
            while (_unnamed.TryPeek(out BatchAddition? old) && added.At - old.At > RepeatLimit)
            {
                _additions.Remove(_unnamed.Dequeue().Key);
            }
        }

        if (change.Filled is { } key && _additions.TryGetValue(key, out BatchAddition? filled))
        {
            Keep(filled with { IsFilled = true });
        }

        _marks.Set(change.Out, BatchMarks.MemberMark.Out);
        _marks.Set(change.Succeeded, BatchMarks.MemberMark.Succeeded);
        _marks.Set(change.DeadLettered, BatchMarks.MemberMark.DeadLettered);
        _marks.Set(change.Cancelled, BatchMarks.MemberMark.Cancelled);
        (ClosedAt, CompletedAt, SucceededAt) = (ClosedAt ?? change.ClosedAt, CompletedAt ?? change.CompletedAt, SucceededAt ?? change.SucceededAt);
        (CancelledAt, StoppedAt) = (CancelledAt ?? change.CancelledAt, StoppedAt ?? change.StoppedAt);
        _problem = change.Problem is null ? _problem : change.Problem.Length == 0 ? null : change.Problem;
        if (IsFinal)
        {
            _marks.Forget();
        }
    }

    public BatchWhole ToWhole() =>
        new(Start, _marks.Count, _marks.Write(), _marks.Counts, [.. _additions.Values], [ClosedAt, CompletedAt, SucceededAt, CancelledAt, StoppedAt], _problem);

    public static BatchRecord Of(string id, BatchWhole whole)
    {
        BatchRecord batch = new(id, whole.Start) { _marks = BatchMarks.Read(whole.Count, whole.Marks, whole.Counts), _problem = whole.Problem };
        (batch.ClosedAt, batch.CompletedAt, batch.SucceededAt) = (whole.Times[0], whole.Times[1], whole.Times[2]);
        (batch.CancelledAt, batch.StoppedAt) = (whole.Times[3], whole.Times[4]);
        foreach (BatchAddition addition in whole.Additions)
        {
            batch.Keep(addition);
        }

        return batch;
    }

    /// <summary>What users see of it.</summary>
    public TaskBatch ToView(DateTimeOffset now) => new()
    {
        Id = Id,
        Name = Start.Name,
        State = CancelledAt is not null ? BatchState.Cancelled : SucceededAt is not null ? BatchState.Succeeded : CompletedAt is not null ? BatchState.Complete : ClosedAt is not null ? BatchState.Running : BatchState.Open,
        Total = _marks.Total,
        Pending = _marks.Pending,
        Succeeded = _marks.Succeeded,
        DeadLettered = _marks.DeadLettered,
        Cancelled = _marks.Cancelled,
        OpenedAt = Start.OpenedAt,
        ClosedAt = ClosedAt,
        CompletedAt = CompletedAt,
        SucceededAt = SucceededAt,
        CancelledAt = CancelledAt,
        OnCompleteId = Start.OnComplete is null ? null : OnCompleteId,
        OnSuccessId = Start.OnSuccess is null ? null : OnSuccessId,
        Problem = _problem ?? (CancelledAt is null ? UnfilledProblem(now) : null),
    };

    public string OnCompleteId => TaskBatch.Of(Id, "onComplete");

    public string OnSuccessId => TaskBatch.Of(Id, "onSuccess");

    /// <summary>Tasks that somebody has not come to the end of adding, and will hardly any more; null where there are none.</summary>
    public string? UnfilledProblem(DateTimeOffset now) => Start.ClosesWhenFilled && ClosedAt is null && _additions.Count == 0 && now - Start.OpenedAt > AdditionLimit
        ? $"its tasks were to be enqueued at {Start.OpenedAt:u}, and were not: enqueue them again under the id '{Id}', or cancel the batch"
        : _additions.Values.FirstOrDefault(addition => !addition.IsFilled && now - addition.At > AdditionLimit && _marks.ArePending(addition.First, addition.Count)) is not { } old ? null
        : $"{old.Count} tasks that were to be added at {old.At:u} are not known to be enqueued: {(old.IsNamed ? $"add them again by their key '{old.Key}', or " : "")}cancel the batch";

    private void Keep(BatchAddition addition)
    {
        bool isNew = !_additions.TryGetValue(addition.Key, out BatchAddition? known) || !known.IsFilled;
        _additions[addition.Key] = addition;
        if (isNew && addition is { IsFilled: true, IsNamed: false })
        {
            _unnamed.Enqueue(addition);
        }
    }
}
