using System.Globalization;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Schedules;

namespace WorkQueue.Tests.Unit.Schedules;

public sealed class TimetableTests
{
    // Berlin: 2026-03-29 02:00 +01 → 03:00 +02, 2026-10-25 03:00 +02 → 02:00 +01. New York: 2026-03-08 02:00 -05 → 03:00 -04, 2026-11-01 02:00 -04 → 01:00 -05.
    // Lord Howe, by half an hour: 2026-10-04 02:00 +10:30 → 02:30 +11, 2026-04-05 02:00 +11 → 01:30 +10:30.
    [Theory]
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z")]
    [InlineData("30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z", "2026-03-08T07:00:00Z", "2026-03-09T06:30:00Z")]
    [InlineData("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T03:00:00Z", "2026-10-03T15:30:00Z", "2026-10-04T15:15:00Z")]
    public void What_falls_into_the_time_that_is_left_out_is_due_when_it_ends_once(string cron, string zone, string after, string first, string second) =>
        Assert.Equal([Time(first), Time(second)], Next(cron, zone, after, 2));

    [Theory]
    [InlineData("30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z", "2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z")]
    [InlineData("30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z", "2026-11-01T05:30:00Z", "2026-11-02T06:30:00Z")]
    [InlineData("45 1 * * *", "Australia/Lord_Howe", "2026-04-04T03:00:00Z", "2026-04-04T14:45:00Z", "2026-04-05T15:15:00Z")]
    public void What_falls_into_the_time_that_comes_twice_is_due_once(string cron, string zone, string after, string first, string second) =>
        Assert.Equal([Time(first), Time(second)], Next(cron, zone, after, 2));

    [Theory]
    [InlineData("*/30 * * * *", "Europe/Berlin", "2026-10-24T23:45:00Z", 5)]
    [InlineData("*/30 * * * *", "America/New_York", "2026-11-01T04:45:00Z", 5)]
    [InlineData("*/30 * * * *", "Australia/Lord_Howe", "2026-04-04T14:15:00Z", 5)]
    [InlineData("*/30 * * * *", "Europe/Berlin", "2026-03-29T00:15:00Z", 5)]
    public void What_is_due_every_half_hour_is_so_through_both_changes(string cron, string zone, string after, int count)
    {
        DateTimeOffset[] next = Next(cron, zone, after, count);
        Assert.All(next.Zip(next.Skip(1)), pair => Assert.Equal(TimeSpan.FromMinutes(30), pair.Second - pair.First));
    }

    [Fact]
    public void With_six_fields_the_first_is_the_second() =>
        Assert.Equal([Time("2026-01-01T00:00:20Z"), Time("2026-01-01T00:00:40Z")], Next("*/20 * * * * *", "UTC", "2026-01-01T00:00:00Z", 2));

    [Theory]
    [InlineData("@daily", "2026-01-02T00:00:00Z")]
    [InlineData("0 0 L 2 *", "2026-02-28T00:00:00Z")]
    [InlineData("0 9 * * MON#1", "2026-01-05T09:00:00Z")]
    public void Macros_and_the_signs_for_last_and_nth_are_understood(string cron, string due) => Assert.Equal([Time(due)], Next(cron, "UTC", "2026-01-01T12:00:00Z", 1));

    [Theory]
    [InlineData("", "UTC", "has 0 field(s)")]
    [InlineData("* * * *", "UTC", "has 4 field(s)")]
    [InlineData("* * * * * * *", "UTC", "has 7 field(s)")]
    [InlineData("61 * * * *", "UTC", "cron is '61 * * * *'")]
    [InlineData("@often", "UTC", "cron is '@often'")]
    [InlineData("0 0 30 2 *", "UTC", "is never due")]
    [InlineData("* * * * *", "Europe/Berlln", "timeZone is 'Europe/Berlln'")]
    [InlineData("* * * * *", "", "timeZone is ''")]
    [InlineData("* * * * *", "../../etc/passwd", "timeZone is '../../etc/passwd'")]
    public void What_cannot_be_is_refused_with_its_place(string cron, string zone, string message)
    {
        InvalidScheduleException refusal = Assert.Throws<InvalidScheduleException>(() => Timetable.Parse(cron, zone, Time("2026-01-01T00:00:00Z")));
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_last_occurrences_of_a_long_time_are_found_from_its_end()
    {
        DateTimeOffset now = Time("2026-06-01T00:00:00Z");
        IReadOnlyList<DateTimeOffset> last = Timetable.Parse("* * * * * *", "UTC", now).Last(1000, now.AddYears(-20), now);
        Assert.Equal(1000, last.Count);
        Assert.Equal((now.AddSeconds(-999), now), (last[0], last[^1]));
    }

    private static DateTimeOffset[] Next(string cron, string zone, string after, int count)
    {
        Timetable timetable = Timetable.Parse(cron, zone, Time(after));
        List<DateTimeOffset> next = [Time(after)];
        while (next.Count <= count)
        {
            next.Add(timetable.After(next[^1])!.Value);
        }

        return [.. next.Skip(1).Select(time => time.ToUniversalTime())];
    }

    private static DateTimeOffset Time(string text) => DateTimeOffset.Parse(text, CultureInfo.InvariantCulture);
}
