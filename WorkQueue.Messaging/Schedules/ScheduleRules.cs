using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Schedules;

/// <summary>What a schedule must be like, and what its tasks are.</summary>
internal sealed class ScheduleRules(TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock)
{
    /// <summary>Schedules there may be; all are written into the log again and again.</summary>
    public const int MostSchedules = 1000;

    private const int MaxPayloadBytes = 16 * 1024;

    /// <summary>Checks a schedule.</summary>
    /// <exception cref="InvalidScheduleException">It cannot be.</exception>
    /// <exception cref="InvalidTaskException">Its tasks cannot be.</exception>
    public void Check(string name, ScheduleOptions schedule)
    {
        if (Problem(name, schedule, clock.GetUtcNow()) is { } problem)
        {
            throw new InvalidScheduleException(problem);
        }

        NewTaskRules.Check(TaskOf(schedule, null, null), options.Value, topology, clock.GetUtcNow());
    }

    /// <summary>What is wrong with a schedule, its tasks aside; null where nothing is.</summary>
    public static string? Problem(string name, ScheduleOptions schedule, DateTimeOffset now)
    {
        if (!Names.IsValid(name))
        {
            return $"'{name}' is no name of a schedule: a name is {Names.Rule}.";
        }

        if (string.IsNullOrEmpty(schedule.Type))
        {
            return "type is missing: name the type of the tasks.";
        }

        if (!Enum.IsDefined(schedule.Missed) || !Enum.IsDefined(schedule.Overlap))
        {
            return $"missed is '{schedule.Missed}' and overlap is '{schedule.Overlap}'; allowed: {string.Join(", ", Enum.GetNames<MissedOccurrences>())}, and {string.Join(", ", Enum.GetNames<OverlapRule>())}.";
        }

        try
        {
            Timetable.Parse(schedule.Cron, schedule.TimeZone, now);
        }
        catch (InvalidScheduleException wrong)
        {
            return wrong.Message;
        }

        return PayloadProblem(schedule.Payload);
    }

    /// <summary>A task of a schedule.</summary>
    /// <param name="schedule">The schedule.</param>
    /// <param name="id">The task's id.</param>
    /// <param name="toldOf">Who is told of its end, if anybody.</param>
    public static NewTask TaskOf(ScheduleOptions schedule, string? id, string? toldOf) => new()
    {
        Id = id,
        Type = schedule.Type,
        Body = Encoding.UTF8.GetBytes(schedule.Payload),
        ContentType = TaskCodec.JsonContent,
        Queue = schedule.Queue,
        Key = schedule.Key,
        Priority = schedule.Priority,
        EndTold = toldOf,
        IsRepeat = true,
    };

    private static string? PayloadProblem(string? payload)
    {
        if (payload is null)
        {
            return "payload is missing: it is JSON, such as {}.";
        }

        int bytes = Encoding.UTF8.GetByteCount(payload);
        if (bytes > MaxPayloadBytes)
        {
            return $"payload has {bytes} bytes; that of a schedule has at most {MaxPayloadBytes}.";
        }

        try
        {
            using JsonDocument document = JsonDocument.Parse(payload);
            return null;
        }
        catch (JsonException wrong)
        {
            return $"payload is no JSON: {wrong.Message}";
        }
    }
}
