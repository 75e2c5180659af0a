using System.Text.Json;
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
internal sealed record TaskRequest(
    string Type, JsonElement Payload, string? Queue = null, TimeSpan? Delay = null, DateTimeOffset? NotBefore = null, DateTimeOffset? Deadline = null,
    IReadOnlyList<StepRequest>? Then = null);

/// <summary>A task that runs after another.</summary>
/// <param name="Type">The task type.</param>
/// <param name="Payload">The payload, as the type's handler expects it.</param>
/// <param name="Queue">The queue; without one, the queue of the type.</param>
/// <param name="Delay">How long it waits after the end of the one before it, <c>hh:mm:ss</c>.</param>
internal sealed record StepRequest(string Type, JsonElement Payload, string? Queue = null, TimeSpan? Delay = null);

/// <summary>The answer to an accepted task.</summary>
/// <param name="Id">The task's id.</param>
/// <param name="State"><c>queued</c>, or <c>scheduled</c> for one that runs later.</param>
internal sealed record TaskAccepted(string Id, string State)
{
    /// <summary>The answer, with the task's address.</summary>
    public static IResult Of(HttpContext context, string id, TaskState state)
    {
        context.Response.Headers.Location = $"{MountPoint.Of(context)}tasks/{Uri.EscapeDataString(id)}";
        return Results.Accepted(value: new TaskAccepted(id, state.ToText()));
    }
}
