using System.Text.Json;
using System.Text.Json.Serialization;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Unique;

/// <summary>What is in the leader's log of keys, and what it is asked.</summary>
internal static class UniqueEntries
{
    /// <summary>Command: enqueue a task with a key.</summary>
    public const string Enqueue = "unique.enqueue";

    /// <summary>Command: such a task has ended.</summary>
    public const string Ended = "unique.ended";

    /// <summary>A key is held, and its task about to be enqueued.</summary>
    public const string Held = "unique.held";

    /// <summary>Its task is enqueued.</summary>
    public const string Placed = "unique.placed";

    /// <summary>A key is free.</summary>
    public const string Freed = "unique.freed";

    /// <summary>Some of all keys that are held, written anew.</summary>
    public const string Some = "unique.some";

    public static byte[] Write(UniqueCommand command) => JsonSerializer.SerializeToUtf8Bytes(command, UniqueJson.Default.UniqueCommand);

    public static byte[] Write(UniqueClaim claim) => JsonSerializer.SerializeToUtf8Bytes(claim, UniqueJson.Default.UniqueClaim);

    public static byte[] Write(UniqueClaim[] claims) => JsonSerializer.SerializeToUtf8Bytes(claims, UniqueJson.Default.UniqueClaimArray);

    public static byte[] Write(UniqueScope scope) => JsonSerializer.SerializeToUtf8Bytes(scope, UniqueJson.Default.UniqueScope);

    public static string Write(UniqueAnswer answer) => JsonSerializer.Serialize(answer, UniqueJson.Default.UniqueAnswer);

    public static UniqueCommand? ReadCommand(ReadOnlyMemory<byte> body) => EntryJson.Read(body, UniqueJson.Default.UniqueCommand) is { Scope: not null, Task: not null } read ? read : null;

    public static UniqueClaim? ReadClaim(ReadOnlyMemory<byte> body) => EntryJson.Read(body, UniqueJson.Default.UniqueClaim) is { Scope: not null, TaskId: not null } read ? read : null;

    public static UniqueClaim[] ReadClaims(ReadOnlyMemory<byte> body) => EntryJson.Read(body, UniqueJson.Default.UniqueClaimArray) ?? [];

    public static string? ReadScope(ReadOnlyMemory<byte> body) => EntryJson.Read(body, UniqueJson.Default.UniqueScope)?.Scope;

    public static UniqueAnswer? ReadAnswer(string? text) => text is null ? null : JsonSerializer.Deserialize(text, UniqueJson.Default.UniqueAnswer);
}

/// <summary>A task to enqueue, if its key allows it.</summary>
/// <param name="Scope">What the key is called.</param>
/// <param name="Task">The task.</param>
/// <param name="Then">What is to become of it where the key is held.</param>
/// <param name="For">How long the key is held; null as long as the task has not ended.</param>
/// <param name="Delay">Its delay, where that begins anew.</param>
/// <param name="Limit">For how long at most it is put off.</param>
internal sealed record UniqueCommand(string Scope, UniqueTask Task, UniqueRule Then, TimeSpan? For, TimeSpan? Delay, TimeSpan? Limit);

/// <summary>A key by what it is called.</summary>
internal sealed record UniqueScope(string Scope);

/// <summary>What became of such a task.</summary>
/// <param name="Id">The task that holds the key.</param>
/// <param name="State">Its state, as far as that is known.</param>
/// <param name="Existing">It was there before.</param>
internal sealed record UniqueAnswer(string Id, TaskState State, bool Existing);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(UniqueCommand))]
[JsonSerializable(typeof(UniqueClaim[]))]
[JsonSerializable(typeof(UniqueScope))]
[JsonSerializable(typeof(UniqueAnswer))]
internal sealed partial class UniqueJson : JsonSerializerContext;
