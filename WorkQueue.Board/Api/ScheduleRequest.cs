using System.Text;
using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The body of <c>PUT /schedules/{name}</c>.</summary>
/// <param name="Cron">A cron expression of five fields, or of six with the second first.</param>
/// <param name="Type">The type of the tasks.</param>
/// <param name="Payload">The payload of each; without one, <c>{}</c>.</param>
/// <param name="TimeZone">The IANA name of the time zone in which the expression is meant. Default <c>UTC</c>.</param>
/// <param name="Queue">The queue; without one, the queue of the type.</param>
/// <param name="Missed">What becomes of what was missed: <c>skip</c>, <c>one</c> (default) or <c>all</c>.</param>
/// <param name="Overlap">What becomes of an occurrence whose forerunner has not ended: <c>allow</c> (default) or <c>skip</c>.</param>
/// <param name="Enabled">False for one that is not to run.</param>
/// <param name="Key">What the tasks are for, in a queue with lanes.</param>
/// <param name="Priority">How urgent they are, in a queue with priorities: <c>high</c>, <c>normal</c> (default) or <c>low</c>.</param>
internal sealed record ScheduleRequest(
    string Cron, string Type, JsonElement? Payload = null, string TimeZone = "UTC", string? Queue = null, string Missed = "one", string Overlap = "allow", bool Enabled = true,
    string? Key = null, string Priority = "normal")
{
    /// <summary>The schedule that is asked for.</summary>
    /// <exception cref="BadHttpRequestException">A value is none of those that are possible.</exception>
    public ScheduleOptions ToOptions() => new()
    {
        Cron = Cron,
        TimeZone = TimeZone,
        Type = Type,
        Payload = Payload is { } payload ? Encoding.UTF8.GetString(TaskRequestReader.BytesOf(payload)) : "{}",
        Queue = Queue,
        Key = Key,
        Priority = Read<TaskPriority>("priority", Priority),
        Missed = Read<MissedOccurrences>("missed", Missed),
        Overlap = Read<OverlapRule>("overlap", Overlap),
        Enabled = Enabled,
    };

    private static T Read<T>(string field, string value)
        where T : struct, Enum
    {
        string[] allowed = [.. Enum.GetNames<T>().Select(name => name.ToLowerInvariant())];
        return allowed.Contains(value, StringComparer.Ordinal) ? Enum.Parse<T>(value, ignoreCase: true)
            : throw new BadHttpRequestException($"{field} is '{value}'; it is {string.Join(", ", allowed)}.");
    }
}
