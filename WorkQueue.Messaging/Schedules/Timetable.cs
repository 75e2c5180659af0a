using Cronos;

namespace WorkQueue.Messaging.Schedules;

/// <summary>
/// When a schedule is due: a cron expression in a time zone. At a change of summer time Cronos does as Vixie cron: what falls into an hour that is left out is due
/// when it ends, once; what falls into one that comes twice is due once, unless the expression asks for each hour, minute or second of it.
/// </summary>
internal sealed class Timetable
{
    private readonly CronExpression _cron;
    private readonly TimeZoneInfo _zone;

    private Timetable(CronExpression cron, TimeZoneInfo zone) => (_cron, _zone) = (cron, zone);

    /// <summary>Reads an expression and a zone.</summary>
    /// <exception cref="InvalidScheduleException">One of them is none, or it is never due.</exception>
    public static Timetable Parse(string? cron, string? zone, DateTimeOffset now)
    {
        Timetable timetable = new(Expression(cron), Zone(zone));
        return timetable.After(now) is null ? throw new InvalidScheduleException($"cron is '{cron}', which is never due.") : timetable;
    }

    /// <summary>When it is due next; null for never.</summary>
    public DateTimeOffset? After(DateTimeOffset moment) => _cron.GetNextOccurrence(moment, _zone);

    /// <summary>When it was due last, after one moment and up to another: the newest, so many at most, the oldest first.</summary>
    public IReadOnlyList<DateTimeOffset> Last(int most, DateTimeOffset after, DateTimeOffset until)
    {
        // From the end in windows that double: a schedule of every second may have been alone for a year.
        for (TimeSpan window = TimeSpan.FromMinutes(1); ; window *= 2)
        {
            bool isWhole = until - after <= window;
            List<DateTimeOffset> found = [.. _cron.GetOccurrences(isWhole ? after : until - window, until, _zone, fromInclusive: false, toInclusive: true)];
            if (isWhole || found.Count >= most)
            {
                return found.Count > most ? found.GetRange(found.Count - most, most) : found;
            }
        }
    }

    private static CronExpression Expression(string? cron)
    {
        string[] fields = (cron ?? "").Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries);
        bool isMacro = fields is [['@', ..]];
        if (!isMacro && fields.Length is not (5 or 6))
        {
            throw new InvalidScheduleException(
                $"cron is '{cron}', which has {fields.Length} field(s); it is 'minute hour day month weekday', with a field for the second before them if need be, or a macro such as @daily.");
        }

        try
        {
            return CronExpression.Parse(cron!, fields.Length == 6 ? CronFormat.IncludeSeconds : CronFormat.Standard);
        }
        catch (CronFormatException wrong)
        {
            throw new InvalidScheduleException($"cron is '{cron}': {wrong.Message}", wrong);
        }
    }

    private static TimeZoneInfo Zone(string? zone)
    {
        try
        {
            return TimeZoneInfo.FindSystemTimeZoneById(zone ?? "");
        }
        catch (Exception unknown) when (unknown is TimeZoneNotFoundException or InvalidTimeZoneException or System.Security.SecurityException or ArgumentException)
        {
            throw new InvalidScheduleException($"timeZone is '{zone}', which this machine does not know; it is an IANA name such as Europe/Berlin, and needs the system's tzdata.", unknown);
        }
    }
}
