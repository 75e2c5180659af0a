using System.Text.Json;
using System.Text.Json.Serialization;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Schedules;

/// <summary>A schedule as the leader's log has it.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Options">What it does.</param>
/// <param name="Progress">How far it is.</param>
internal sealed record ScheduleState(string Name, ScheduleOptions Options, ScheduleProgress Progress)
{
    /// <summary>The newest runs that are kept.</summary>
    public const int MostRuns = 10;

    /// <summary>It enqueues what is due.</summary>
    public bool IsActive => Options.Enabled && !Progress.IsPaused;
}

/// <summary>How far a schedule is.</summary>
/// <param name="Through">Every occurrence up to here is done.</param>
/// <param name="IsPaused">It was paused.</param>
/// <param name="Pending">The task of its last occurrence, as long as that has not ended, where it matters.</param>
/// <param name="Problem">Why it cannot go on.</param>
internal sealed record ScheduleProgress(DateTimeOffset Through, bool IsPaused = false, string? Pending = null, string? Problem = null)
{
    /// <summary>The newest first.</summary>
    public IReadOnlyList<ScheduleRun> Runs { get; init; } = [];

    /// <summary>From when something may be due: never before what a leader whose clock is ahead has done.</summary>
    public DateTimeOffset From(DateTimeOffset now) => Through > now ? Through : now;

    public ScheduleProgress With(ScheduleRun run) => this with { Runs = [run, .. Runs.Take(ScheduleState.MostRuns - 1)], Problem = null };
}

/// <summary>An entry of the leader's log about a schedule, or a command. What is null in it stays as it was.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Options">What it does.</param>
/// <param name="Progress">How far it is.</param>
/// <param name="TaskId">The task to enqueue, or that has ended.</param>
internal sealed record ScheduleEntry(string Name, ScheduleOptions? Options = null, ScheduleProgress? Progress = null, string? TaskId = null)
{
    public const string Set = "schedule.set";
    public const string Removed = "schedule.removed";
    public const string Define = "schedule.define";
    public const string Remove = "schedule.remove";
    public const string Pause = "schedule.pause";
    public const string Resume = "schedule.resume";
    public const string Run = "schedule.run";
    public const string Ended = "schedule.ended";

    public byte[] Write() => JsonSerializer.SerializeToUtf8Bytes(this, ScheduleJson.Default.ScheduleEntry);

    /// <summary>Null for one that a later version may understand.</summary>
    public static ScheduleEntry? Read(ReadOnlyMemory<byte> body) => EntryJson.Read(body, ScheduleJson.Default.ScheduleEntry) is { Name: not null } entry ? entry : null;

    /// <summary>Whether two schedules do the same.</summary>
    public static bool AreSame(ScheduleOptions one, ScheduleOptions other) =>
        JsonSerializer.Serialize(one, ScheduleJson.Default.ScheduleOptions) == JsonSerializer.Serialize(other, ScheduleJson.Default.ScheduleOptions);
}

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web, UseStringEnumConverter = true, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull)]
[JsonSerializable(typeof(ScheduleEntry))]
[JsonSerializable(typeof(ScheduleOptions))]
internal sealed partial class ScheduleJson : JsonSerializerContext;
