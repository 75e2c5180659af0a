using System.Text.Json;
using System.Text.Json.Serialization;
using WorkQueue.Board.Calls;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The body of <c>POST /tasks</c>.</summary>
/// <param name="Type">The task type.</param>
/// <param name="Payload">The payload, as the type's handler expects it.</param>
/// <param name="Queue">The queue; without one, the queue of the type.</param>
/// <param name="Delay">How long the task waits before it may run, <c>hh:mm:ss</c>. Not together with <paramref name="NotBefore"/>.</param>
/// <param name="NotBefore">When the task may run, ISO 8601.</param>
/// <param name="Deadline">After this moment the task is not started any more, ISO 8601.</param>
/// <param name="Then">The tasks that run after it, each when the one before it has succeeded.</param>
/// <param name="Key">What it is for, as a tenant; tasks of one key are in one lane of a queue with lanes. 1 to 255 bytes.</param>
/// <param name="Priority"><c>high</c>, <c>normal</c>, the default, or <c>low</c>, among the tasks of a queue with priorities.</param>
/// <param name="Unique">At most one task of its key at a time; <c>{}</c> takes the payload as the key, as long as its task has not ended.</param>
internal sealed record TaskRequest(
    string Type, JsonElement Payload, string? Queue = null, TimeSpan? Delay = null, DateTimeOffset? NotBefore = null, DateTimeOffset? Deadline = null,
    IReadOnlyList<StepRequest>? Then = null, UniqueRequest? Unique = null, string? Key = null, string? Priority = null);

/// <summary>At most one task of a key at a time; a key belongs to a queue and a type.</summary>
/// <param name="Key">What the task is about, 1 to 255 bytes; without one, the payload.</param>
/// <param name="For">How long the key is held: <c>pending</c>, the default, until the task has ended; or a time, <c>hh:mm:ss</c>, at most 48 days.</param>
/// <param name="Then">What becomes of a task whose key is held: <c>skip</c>, the default, <c>replace</c> or <c>debounce</c>.</param>
/// <param name="Limit">With debounce, for how long at most a task is put off, <c>hh:mm:ss</c>; ten times the delay by default.</param>
internal sealed record UniqueRequest(string? Key = null, string? For = null, string? Then = null, TimeSpan? Limit = null);

/// <summary>A task that runs after another.</summary>
/// <param name="Type">The task type.</param>
/// <param name="Payload">The payload, as the type's handler expects it.</param>
/// <param name="Queue">The queue; without one, the queue of the type.</param>
/// <param name="Delay">How long it waits after the end of the one before it, <c>hh:mm:ss</c>.</param>
/// <param name="Key">What it is for.</param>
/// <param name="Priority">How urgent it is.</param>
internal sealed record StepRequest(string Type, JsonElement Payload, string? Queue = null, TimeSpan? Delay = null, string? Key = null, string? Priority = null);

/// <summary>The answer to an accepted task.</summary>
/// <param name="Id">The task's id.</param>
/// <param name="State"><c>queued</c>, or <c>scheduled</c> for one that runs later; of a task that was there before, what it is now.</param>
/// <param name="Existing">The task was there before, and holds the key.</param>
internal sealed record TaskAccepted(string Id, string State, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)] bool Existing = false)
{
    /// <summary>The answer, with the task's address.</summary>
    public static IResult Of(HttpContext context, string id, TaskState state, bool existing = false)
    {
        context.Response.Headers.Location = $"{MountPoint.Of(context)}tasks/{Uri.EscapeDataString(id)}";
        return Results.Accepted(value: new TaskAccepted(id, state.ToText(), existing));
    }
}
