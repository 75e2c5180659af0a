using System.Text.Json;

namespace WorkQueue.Messaging.Batches;

/// <summary>A task that follows a batch, as the log has it.</summary>
/// <param name="Type">Its type.</param>
/// <param name="Queue">Its queue.</param>
/// <param name="Body">Its payload.</param>
/// <param name="ContentType">What that is.</param>
/// <param name="Delay">How long it waits.</param>
/// <param name="Then">What comes after it.</param>
/// <param name="Key">What it is for.</param>
/// <param name="Priority">How urgent it is.</param>
internal sealed record BatchTask(string? Type, string? Queue, byte[] Body, string ContentType, TimeSpan? Delay, IReadOnlyList<BatchTask>? Then, string? Key = null, TaskPriority Priority = default)
{
    public static BatchTask? Of(NewTask? task) => task is null ? null
        : new BatchTask(task.Type, task.Queue, task.Body.ToArray(), task.ContentType, task.Delay, task.Then is null or { Count: 0 } ? null : [.. task.Then.Select(step => Of(step)!)], task.Key, task.Priority);

    /// <summary>How much of the log it takes.</summary>
    public int CountBytes() => JsonSerializer.SerializeToUtf8Bytes(this, BatchJson.Default.BatchTask).Length;

    /// <summary>The task to enqueue.</summary>
    /// <param name="id">Its id; null for one that comes after another.</param>
    public NewTask ToTask(string? id) => new()
    {
        Id = id,
        Type = Type,
        Queue = Queue,
        Body = Body,
        ContentType = ContentType,
        Delay = Delay,
        Key = Key,
        Priority = Priority,
        Then = [.. (Then ?? []).Select(step => step.ToTask(null))],
        IsRepeat = true,
    };
}
