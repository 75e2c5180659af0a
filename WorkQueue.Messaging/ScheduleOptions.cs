using System.Text.Json.Serialization;

namespace WorkQueue.Messaging;

/// <summary>A schedule: a task that is enqueued again and again. <c>WorkQueue:Schedules:&lt;name&gt;</c>, in code, or by the API.</summary>
public sealed class ScheduleOptions
{
    /// <summary>
    /// When: a cron expression of five fields (minute, hour, day of the month, month, day of the week) or six (second first), as
    /// <see href="https://github.com/HangfireIO/Cronos">Cronos</see> reads it: with <c>L</c>, <c>W</c>, <c>#</c> and macros such as <c>@daily</c>.
    /// </summary>
    public string Cron { get; set; } = "";

    /// <summary>The time zone in which the expression is meant, by its IANA name, such as <c>Europe/Berlin</c>. Default <c>UTC</c>.</summary>
    public string TimeZone { get; set; } = "UTC";

    /// <summary>The type of the tasks.</summary>
    public string Type { get; set; } = "";

    /// <summary>The payload of each task, as JSON. Default <c>{}</c>. At most 16 KiB.</summary>
    public string Payload { get; set; } = "{}";

    /// <summary>The queue of the tasks. Default: that of their type.</summary>
    public string? Queue { get; set; }

    /// <summary>What the tasks are for (<see cref="NewTask.Key"/>), in a queue with lanes. Default none.</summary>
    public string? Key { get; set; }

    /// <summary>How urgent they are, in a queue with priorities. Default <see cref="TaskPriority.Normal"/>.</summary>
    [JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingDefault)]
    public TaskPriority Priority { get; set; }

    /// <summary>What becomes of occurrences for which no program was there. Default <see cref="MissedOccurrences.One"/>.</summary>
    public MissedOccurrences Missed { get; set; } = MissedOccurrences.One;

    /// <summary>What becomes of an occurrence whose forerunner has not ended. Default <see cref="OverlapRule.Allow"/>.</summary>
    public OverlapRule Overlap { get; set; } = OverlapRule.Allow;

    /// <summary>False for a schedule that is not to run. Default true.</summary>
    public bool Enabled { get; set; } = true;
}

/// <summary>
/// What becomes of occurrences for which no program was there. One that is late by less than two minutes is not missed: so long a change of the program that
/// leads may take, and it costs no occurrence.
/// </summary>
public enum MissedOccurrences
{
    /// <summary>They are left out.</summary>
    Skip,

    /// <summary>The last of them is made up for, unless another is due by now.</summary>
    One,

    /// <summary>Each is made up for, of a schedule at most the last 1,000.</summary>
    All,
}

/// <summary>What becomes of an occurrence whose forerunner has not ended.</summary>
public enum OverlapRule
{
    /// <summary>It is enqueued all the same.</summary>
    Allow,

    /// <summary>It is left out. A task has ended when it has succeeded, is a dead letter or was cancelled.</summary>
    Skip,
}
