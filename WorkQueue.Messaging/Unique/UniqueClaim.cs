using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Unique;

/// <summary>A key that is held.</summary>
/// <param name="Scope">What the key is called.</param>
/// <param name="TaskId">The task that holds it.</param>
/// <param name="Version">Which of those that were enqueued under this id, by their counts of redrives.</param>
/// <param name="First">Since when it is put off by others, where it is.</param>
/// <param name="Until">Then it is free, whatever becomes of the task.</param>
/// <param name="NotBefore">When the task is to run; null for at once.</param>
/// <param name="By">The command by which it came to hold the key in this version.</param>
/// <param name="Placing">The task while it is still to be enqueued: whoever leads sees to it.</param>
internal sealed record UniqueClaim(
    string Scope, string TaskId, int Version, DateTimeOffset First, DateTimeOffset Until, DateTimeOffset? NotBefore, string? By, UniqueTask? Placing = null)
{
    // For a task whose end nobody tells: the broker has dropped it, or its queue was deleted.
    private static readonly TimeSpan HeldAtMost = TimeSpan.FromDays(7);

    /// <summary>It took the place of another.</summary>
    public bool Replaces { get; init; }

    /// <summary>It is held for a time, whatever becomes of the task.</summary>
    public bool IsTimed { get; init; }

    /// <summary>A key that nobody holds.</summary>
    public static UniqueClaim Of(UniqueCommand asked, int version, string? by, DateTimeOffset now)
    {
        // What it was on its way for is not part of the delay.
        DateTimeOffset? notBefore = asked.Delay is { } delay ? now + delay : asked.Task.NotBefore;
        UniqueTask task = asked.Task with { Redriven = version, NotBefore = notBefore, EndTold = asked.For is null ? EndToldOf(asked.Scope) : null };
        return new UniqueClaim(asked.Scope, task.Id, version, now, now, notBefore, by, task) { IsTimed = asked.For is not null }.HeldFor(asked.For, now);
    }

    /// <summary>A newer task in the place of the one that holds the key.</summary>
    public UniqueClaim ReplacedBy(UniqueCommand asked, string? by, DateTimeOffset now)
    {
        // One whose time has come is about to run, or does: those that come after it are put off anew.
        DateTimeOffset first = NotBefore > now ? First : now;
        DateTimeOffset? notBefore = asked.Task.NotBefore;
        if (asked is { Delay: { } delay, Limit: { } limit })
        {
            notBefore = now + delay < first + limit ? now + delay : first + limit;
        }

        UniqueTask task = asked.Task.As(TaskId, Version + 1) with { NotBefore = notBefore > now ? notBefore : null, EndTold = EndToldOf(Scope) };
        UniqueClaim claim = this with { Version = Version + 1, First = first, NotBefore = task.NotBefore, By = by, Placing = task, Replaces = true };
        return claim.HeldFor(null, now);
    }

    private UniqueClaim HeldFor(TimeSpan? time, DateTimeOffset now) => this with { Until = time is { } limit ? now + limit : (NotBefore > now ? NotBefore.Value : now) + HeldAtMost };

    private static string EndToldOf(string scope) => $"{TaskEnds.OfKey}:{scope}";
}

/// <summary>A task on its way to the leader, and in its log until it is enqueued.</summary>
internal sealed record UniqueTask
{
    public required string Id { get; init; }

    public required string Type { get; init; }

    public required string Queue { get; init; }

    public required ReadOnlyMemory<byte> Body { get; init; }

    public string? ContentType { get; init; }

    public string? Key { get; init; }

    public byte? Priority { get; init; }

    public int Redriven { get; init; }

    public string? RunOf { get; init; }

    public string? EndTold { get; init; }

    public ChainLink? Chain { get; init; }

    public DateTimeOffset? EnqueuedAt { get; init; }

    public DateTimeOffset? NotBefore { get; init; }

    public DateTimeOffset? Deadline { get; init; }

    public string? TraceParent { get; init; }

    public string? TraceState { get; init; }

    public static UniqueTask Of(TaskMessage message) => new()
    {
        Id = message.Id,
        Type = message.Type,
        Queue = message.Queue,
        Body = message.Body,
        ContentType = message.ContentType,
        Key = message.Key,
        Priority = message.Priority,
        RunOf = message.RunOf,
        Chain = message.Chain,
        EnqueuedAt = message.EnqueuedAt,
        NotBefore = message.NotBefore,
        Deadline = message.Deadline,
        TraceParent = message.TraceParent,
        TraceState = message.TraceState,
    };

    public TaskMessage ToMessage() => new()
    {
        Id = Id,
        Type = Type,
        Queue = Queue,
        Body = Body,
        ContentType = ContentType,
        Key = Key,
        Priority = Priority,
        Redriven = Redriven,
        RunOf = RunOf,
        EndTold = EndTold,
        Chain = Chain,
        EnqueuedAt = EnqueuedAt,
        NotBefore = NotBefore,
        Deadline = Deadline,
        TraceParent = TraceParent,
        TraceState = TraceState,
    };

    /// <summary>Under the id of the task whose place it takes.</summary>
    public UniqueTask As(string id, int version) => this with { Id = id, Redriven = version, Chain = Chain is { Place: 0 } chain && chain.First == Id ? chain with { First = id } : Chain };
}
