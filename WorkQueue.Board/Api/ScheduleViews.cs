using System.Text.Json;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Board.ReadModel.Store;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The schedules as the API and the board show them: with the states of their tasks, as far as the history knows.</summary>
internal sealed class ScheduleViews(ISchedules schedules, TaskProjection projection)
{
    public async Task<IReadOnlyList<ScheduleView>> ListAsync(CancellationToken cancellationToken) => Of(await schedules.ListAsync(cancellationToken));

    /// <exception cref="BadHttpRequestException">There is none with this name.</exception>
    public async Task<ScheduleView> FindAsync(string name, CancellationToken cancellationToken) =>
        await schedules.FindAsync(name, cancellationToken) is { } schedule ? Of(schedule) : throw Unknown(name);

    public ScheduleView Of(Schedule schedule) => Of([schedule])[0];

    // The tasks of all of them by one look.
    private ScheduleView[] Of(IReadOnlyList<Schedule> some)
    {
        string[] ids = [.. some.SelectMany(schedule => schedule.Runs).Select(run => run.TaskId).OfType<string>().Distinct()];
        Dictionary<string, string?> states = projection.Read(connection => ids.Zip(RowStore.FindEach(connection, ids.Select(TaskKey.Of)).Select(row => row?.ToView().State.ToText())).ToDictionary(found => found.First, found => found.Second, StringComparer.Ordinal));
        return [.. some.Select(schedule => Of(schedule, states))];
    }

    private static ScheduleView Of(Schedule schedule, Dictionary<string, string?> states)
    {
        ScheduleOptions options = schedule.Options;
        using JsonDocument payload = JsonDocument.Parse(options.Payload);
        return new ScheduleView(
            schedule.Name, options.Cron, options.TimeZone, options.Type, payload.RootElement.Clone(), options.Queue, Text(options.Missed), Text(options.Overlap),
            options.Enabled, schedule.IsPaused, schedule.Next, schedule.Problem, [.. schedule.Runs.Select(run => Of(run, states))])
        {
            Key = options.Key,
            Priority = Text(options.Priority),
        };
    }

    public static BadHttpRequestException Unknown(string name) => new($"There is no schedule '{name}'.", StatusCodes.Status404NotFound);

    private static ScheduleRunView Of(ScheduleRun run, Dictionary<string, string?> states) =>
        new(run.DueAt, run.At, run.TaskId, run.TaskId is { } id ? states[id] : "skipped", run.IsManual);

    private static string Text<T>(T value)
        where T : struct, Enum => value.ToString().ToLowerInvariant();
}

/// <summary>A schedule.</summary>
/// <param name="Name">Its name.</param>
/// <param name="Cron">When it is due.</param>
/// <param name="TimeZone">The zone in which that is meant.</param>
/// <param name="Type">The type of its tasks.</param>
/// <param name="Payload">Their payload.</param>
/// <param name="Queue">Their queue; null for that of their type.</param>
/// <param name="Missed">What becomes of what was missed: <c>skip</c>, <c>one</c> or <c>all</c>.</param>
/// <param name="Overlap">What becomes of an occurrence whose forerunner has not ended: <c>allow</c> or <c>skip</c>.</param>
/// <param name="Enabled">False for one that is not to run.</param>
/// <param name="Paused">It was paused.</param>
/// <param name="Next">When it is due next, five times.</param>
/// <param name="Problem">Why it cannot enqueue what is due; null where it can.</param>
/// <param name="Runs">What it has done last, the newest first.</param>
internal sealed record ScheduleView(
    string Name, string Cron, string TimeZone, string Type, JsonElement Payload, string? Queue, string Missed, string Overlap, bool Enabled, bool Paused,
    IReadOnlyList<DateTimeOffset> Next, string? Problem, IReadOnlyList<ScheduleRunView> Runs)
{
    /// <summary>What its tasks are for; null for nothing.</summary>
    public string? Key { get; init; }

    /// <summary>How urgent they are: <c>high</c>, <c>normal</c> or <c>low</c>.</summary>
    public string Priority { get; init; } = "normal";
}

/// <summary>What became of one occurrence.</summary>
/// <param name="DueAt">When it was due.</param>
/// <param name="At">When it was enqueued, or skipped.</param>
/// <param name="TaskId">The task; null where it was skipped.</param>
/// <param name="State">The task's state; <c>skipped</c> where there is none; null where the history does not know it.</param>
/// <param name="Manual">It was enqueued by hand.</param>
internal sealed record ScheduleRunView(DateTimeOffset DueAt, DateTimeOffset At, string? TaskId, string? State, bool Manual);
