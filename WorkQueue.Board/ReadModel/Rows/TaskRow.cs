using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>One task while a record is taken in: as the store has it, payload and result being only the offset at which the history has them.</summary>
internal sealed class TaskRow(TaskKey key, long sequence)
{
    /// <summary>Why the state of a task is unknown.</summary>
    public const string TakenElsewhere = "taken by a worker that reports nothing";

    /// <summary>The id.</summary>
    public readonly TaskKey Key = key;

    /// <summary>Its place in the list: the offset of the record it appeared with.</summary>
    public readonly long Sequence = sequence;

    /// <summary>Whether the store has it already.</summary>
    public bool IsStored;

    /// <summary>Whether its payload can be searched.</summary>
    public bool IsIndexed;

    public string Type = "";
    public string Queue = "";
    public string? Worker;

    /// <summary>What it is for (<see cref="NewTask.Key"/>).</summary>
    public string? LaneKey;

    public ErrorText? Error;
    public RunProgress? Progress;
    public OffsetLog Offsets;

    /// <summary>The runs that succeeded after the first one.</summary>
    public int[]? LaterSuccesses;

    public int SuccessfulRun;

    /// <summary>Where the record of its state is; -1 when it is only known to run by its progress.</summary>
    public long StateOffset = -1;

    public long EnqueuedAt;
    public long ChangedAt;
    public long DueAt;
    public long StartedAt;
    public int Attempt;
    public int Redriven = -1;
    public int Returned;

    /// <summary>The last redrive after which it died, or -1.</summary>
    public int DiedAfter = -1;

    /// <summary>The last redrive after which a worker dropped it as cancelled, or -1.</summary>
    public int DroppedAfter = -1;

    /// <summary>As the history says.</summary>
    public TaskState State;

    /// <summary>As it is shown: a task whose time has come is queued.</summary>
    public TaskState Shown;

    public bool HasEnded => RowRules.RankOf(State) == RowRules.Ended;

    /// <summary>Since when a worker could take it.</summary>
    public long WaitingSince => DueAt == Milliseconds.Unknown ? ChangedAt : DueAt;

    public int Duplicates => LaterSuccesses?.Length ?? 0;

    /// <summary>
    /// Cancelled while it waited: its message is on the broker until a worker gets and drops it. One that had died was discarded, a worker
    /// that names itself has settled the message, and what no queue took never was there.
    /// </summary>
    public bool IsCancelledOnBroker => State == TaskState.Cancelled && Worker is null && DroppedAfter < Redriven && DiedAfter < Redriven && Error?.Reason != ITaskHistory.NotEnqueued;

    public TaskView ToView() => new()
    {
        Id = Key.ToString(),
        Type = Type,
        Queue = Queue,
        State = Shown,
        Attempt = Attempt,
        Redriven = Redriven,
        Duplicates = Duplicates,
        EnqueuedAt = Milliseconds.ToTime(EnqueuedAt),
        ChangedAt = Milliseconds.ToTime(Shown == TaskState.Queued ? WaitingSince : ChangedAt),
        DueAt = Shown is TaskState.Scheduled or TaskState.Retrying ? Milliseconds.ToTime(DueAt) : null,
        StartedAt = Milliseconds.ToTime(StartedAt),
        Worker = Worker,
        Reason = Shown == TaskState.Unknown ? TakenElsewhere : Error?.Reason,
        ErrorType = Error?.Type,
        Error = Error?.Text,
        Percent = Progress?.Percent,
        Progress = Progress?.Text,
        OnBroker = IsCancelledOnBroker,
    };
}

/// <summary>How far a running task is, and which record said so.</summary>
internal sealed record RunProgress(long Offset, int? Percent, string? Text);
