using System.Diagnostics.CodeAnalysis;
using System.Text;
using System.Text.Json;

namespace WorkQueue.Messaging;

/// <summary>A task to enqueue.</summary>
public sealed record NewTask
{
    /// <summary>The task type; null takes the default type of the queue.</summary>
    public string? Type { get; init; }

    /// <summary>The payload as it goes on the wire, UTF-8. Not to be changed until the broker has confirmed, also where nobody waits for that any more.</summary>
    public required ReadOnlyMemory<byte> Body { get; init; }

    /// <summary>What the payload is: <c>application/json</c> or <c>text/plain</c>.</summary>
    public required string ContentType { get; init; }

    /// <summary>The queue, by its name in the settings; null takes the queue of the type.</summary>
    public string? Queue { get; init; }

    /// <summary>
    /// What it is for, as a tenant or an account: 1 to 255 bytes, no control characters. Tasks of one key are in one lane of their queue, if that has lanes
    /// (<see cref="QueueOptions.Lanes"/>). Null, the default, for any.
    /// </summary>
    public string? Key { get; init; }

    /// <summary>How urgent it is among the tasks of its queue, if those have priorities (<see cref="QueueOptions.Priorities"/>). Default <see cref="TaskPriority.Normal"/>.</summary>
    public TaskPriority Priority { get; init; }

    /// <summary>
    /// The task's id; null makes a new one (UUID version 7). Give the id of an earlier try whose outcome is unknown to send the same task again.
    /// An id that was cancelled runs anew, counted as one redrive more.
    /// </summary>
    public string? Id { get; init; }

    /// <summary>Not to be run before this moment; null or a past moment means now. At most 48 days ahead.</summary>
    public DateTimeOffset? NotBefore { get; init; }

    /// <summary>
    /// Not to be run before so much time has passed since it was enqueued, instead of <see cref="NotBefore"/>; of a task in <see cref="Then"/>, since the one before it
    /// ended. Null for at once. At most 48 days.
    /// </summary>
    public TimeSpan? Delay { get; init; }

    /// <summary>Not to be started after this moment; null for none. Of a chain it is the first task's alone.</summary>
    public DateTimeOffset? Deadline { get; init; }

    /// <summary>The id of the task this one runs again; null for a task of its own. Only recorded.</summary>
    public string? RunOf { get; init; }

    /// <summary>Who is told when it has ended.</summary>
    internal string? EndTold { get; init; }

    /// <summary>It may have been enqueued under this id before, and is not meant to run anew where it was cancelled since.</summary>
    internal bool IsRepeat { get; init; }

    /// <summary>
    /// The tasks that run after it, each when the one before it has succeeded; default none. Each has a type, a payload and, if it is to, a queue and a
    /// <see cref="Delay"/>, and nothing else. As JSON they have at most 64 KiB, and their results 32 KiB.
    /// </summary>
    public IReadOnlyList<NewTask> Then { get; init; } = [];

    /// <summary>
    /// At most one task of its key at a time, whoever enqueues it; null, the default, for as many as are given. Of a chain it is the first task's alone. Not for a call.
    /// </summary>
    public UniqueOptions? Unique { get; init; }

    /// <summary>The place that it takes in a chain which has begun, as that of a task that is run again; null for a task, or a chain, of its own.</summary>
    public TaskChain? Chain { get; init; }

    /// <summary>A task with a JSON payload, whatever the program's <see cref="TaskJsonOptions"/>.</summary>
    /// <param name="type">The task type.</param>
    /// <param name="payload">The payload, written with camelCase names.</param>
    [RequiresUnreferencedCode("Finds out by reflection how the payload is written: in a trimmed program use ITaskQueue.CreateTask.")]
    [RequiresDynamicCode("Finds out by reflection how the payload is written: in a program compiled ahead of time use ITaskQueue.CreateTask.")]
    public static NewTask Json<TPayload>(string type, TPayload payload) => new()
    {
        Type = type,
        Body = JsonSerializer.SerializeToUtf8Bytes(payload, JsonSerializerOptions.Web),
        ContentType = "application/json",
    };

    /// <summary>A plain text task, as in the RabbitMQ tutorials: of the default type of its queue.</summary>
    /// <param name="text">The text.</param>
    public static NewTask Text(string text) => new() { Body = Encoding.UTF8.GetBytes(text), ContentType = "text/plain" };
}
