using System.Globalization;
using WorkQueue.Board.Api;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The schedules; or why they are not known.</summary>
internal sealed record SchedulesModel(IReadOnlyList<ScheduleView> Schedules, string? Problem)
{
    /// <summary>A time as it is read in the schedule's zone.</summary>
    public static string InZone(DateTimeOffset at, string zone)
    {
        // The leader may run on a machine that knows more zones than this one.
        return TimeZoneInfo.TryFindSystemTimeZoneById(zone, out TimeZoneInfo? known)
            ? TimeZoneInfo.ConvertTime(at, known).ToString("ddd yyyy-MM-dd HH:mm:ss zzz", CultureInfo.InvariantCulture)
            : Words.Exact(at);
    }
}
