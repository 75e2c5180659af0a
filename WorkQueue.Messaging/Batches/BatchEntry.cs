using System.Text.Json;
using System.Text.Json.Serialization;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Batches;

/// <summary>What the leader is asked to do with a batch. Each can be asked again: it names what there is to be, not one more of it.</summary>
/// <param name="Id">The batch.</param>
/// <param name="Start">What it is opened with.</param>
/// <param name="Key">Of tasks that are added.</param>
/// <param name="IsNamed">The key is the caller's, who may come again with it.</param>
/// <param name="Count">How many are added.</param>
/// <param name="Out">The numbers of those that were not enqueued after all.</param>
internal sealed record BatchCommand(string Id, BatchStart? Start = null, string? Key = null, bool IsNamed = false, int Count = 0, IReadOnlyList<int>? Out = null)
{
    public const string Open = "batch.open";
    public const string Add = "batch.add";
    public const string Filled = "batch.filled";
    public const string Close = "batch.close";
    public const string Cancel = "batch.cancel";
    public const string Ended = "batch.ended";

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, BatchJson.Default.BatchCommand);

    /// <summary>Null for one that a later version may understand.</summary>
    public static BatchCommand? Read(ReadOnlyMemory<byte> body) => EntryJson.Read(body, BatchJson.Default.BatchCommand) is { Id: not null } command ? command : null;
}

/// <summary>An entry of the leader's log: what is other than before. What is null in it stays as it was.</summary>
/// <param name="Id">The batch.</param>
internal sealed record BatchChange(string Id)
{
    /// <summary>The batch has changed.</summary>
    public const string Kind = "batch.changed";

    /// <summary>There is no such batch any more.</summary>
    public const string Removed = "batch.removed";

    /// <summary>All of it, in place of what there was.</summary>
    public BatchWhole? Whole { get; init; }

    /// <summary>Numbers that were given to tasks which are to be added.</summary>
    public BatchAddition? Added { get; init; }

    /// <summary>The key of tasks that have been added.</summary>
    public string? Filled { get; init; }

    /// <summary>Numbers whose tasks were not enqueued after all.</summary>
    public IReadOnlyList<int>? Out { get; init; }

    public IReadOnlyList<int>? Succeeded { get; init; }

    public IReadOnlyList<int>? DeadLettered { get; init; }

    public IReadOnlyList<int>? Cancelled { get; init; }

    public DateTimeOffset? ClosedAt { get; init; }

    public DateTimeOffset? CompletedAt { get; init; }

    public DateTimeOffset? SucceededAt { get; init; }

    public DateTimeOffset? CancelledAt { get; init; }

    /// <summary>When the workers had been told that its members are cancelled.</summary>
    public DateTimeOffset? StoppedAt { get; init; }

    /// <summary>What keeps it from going on; empty where nothing does any more.</summary>
    public string? Problem { get; init; }

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, BatchJson.Default.BatchChange);

    /// <summary>Null for one that a later version may understand.</summary>
    public static BatchChange? Read(ReadOnlyMemory<byte> body) => EntryJson.Read(body, BatchJson.Default.BatchChange) is { Id: not null } change ? change : null;
}

/// <summary>What a batch is opened with.</summary>
/// <param name="Name">Its name.</param>
/// <param name="OpenedAt">When.</param>
/// <param name="OnSuccess">What follows its success.</param>
/// <param name="OnComplete">What follows its end.</param>
/// <param name="TraceParent">The trace of who has opened it.</param>
/// <param name="TraceState">What belongs to that.</param>
/// <param name="ClosesWhenFilled">All of its tasks are added at once, and it is closed by that.</param>
internal sealed record BatchStart(string? Name, DateTimeOffset OpenedAt, BatchTask? OnSuccess, BatchTask? OnComplete, string? TraceParent, string? TraceState, bool ClosesWhenFilled = false);

/// <summary>Tasks that are added together.</summary>
/// <param name="Key">Who comes again with it gets the same numbers.</param>
/// <param name="First">The number of the first.</param>
/// <param name="Count">How many.</param>
/// <param name="At">Since when.</param>
/// <param name="IsNamed">The key is the caller's.</param>
/// <param name="IsFilled">They are enqueued.</param>
internal sealed record BatchAddition(string Key, int First, int Count, DateTimeOffset At, bool IsNamed, bool IsFilled = false);

/// <summary>A batch as it is written anew.</summary>
/// <param name="Start">What it was opened with.</param>
/// <param name="Count">Numbers given to members.</param>
/// <param name="Marks">What became of each, a byte each, compressed; null where nothing can change any more.</param>
/// <param name="Counts">How many members there are of each mark.</param>
/// <param name="Additions">What was added, where that matters.</param>
/// <param name="Times">When it was closed, completed, had succeeded, was cancelled, and the workers had been told of that.</param>
/// <param name="Problem">What keeps it from going on.</param>
internal sealed record BatchWhole(
    BatchStart Start, int Count, byte[]? Marks, IReadOnlyList<int> Counts, IReadOnlyList<BatchAddition> Additions, IReadOnlyList<DateTimeOffset?> Times, string? Problem);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(BatchCommand))]
[JsonSerializable(typeof(BatchChange))]
internal sealed partial class BatchJson : JsonSerializerContext;
