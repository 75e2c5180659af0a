using WorkQueue.Messaging;
using WorkQueue.Messaging.Schedules;

namespace WorkQueue.Tests.Unit.Schedules;

public sealed class SchedulePlanTests
{
    private static readonly DateTimeOffset Noon = new(2026, 6, 1, 12, 0, 0, TimeSpan.Zero);

    [Theory]
    [InlineData(MissedOccurrences.Skip)]
    [InlineData(MissedOccurrences.One)]
    [InlineData(MissedOccurrences.All)]
    public void What_is_less_than_two_minutes_late_is_enqueued_whatever_the_rule(MissedOccurrences missed)
    {
        SchedulePlan.Due due = Of("*/10 * * * * *", Noon.AddSeconds(-100), missed);
        Assert.Equal(Enumerable.Range(0, 10).Select(number => Noon.AddSeconds((10 * number) - 90)), due.Times);
        Assert.Equal((Noon, false), (due.Through, due.HasMissed));
    }

    [Theory]
    [InlineData(MissedOccurrences.Skip, 0)]
    [InlineData(MissedOccurrences.One, 1)]
    [InlineData(MissedOccurrences.All, 4)]
    public void What_was_missed_is_made_up_for_by_the_rule(MissedOccurrences missed, int count)
    {
        // At 7, 8, 9 and 10 o'clock, and 11:30 has nothing due.
        SchedulePlan.Due due = Of("0 7-10 * * *", Noon.AddHours(-6), missed);
        Assert.Equal(count, due.Times.Count);
        Assert.Equal((Noon.AddHours(-2), count, true), (due.Through, due.MadeUp, due.HasMissed));
        Assert.All(due.Times.TakeLast(1), time => Assert.Equal(Noon.AddHours(-2), time));
    }

    [Fact]
    public void One_that_is_due_now_stands_for_those_that_were_missed()
    {
        SchedulePlan.Due due = Of("0 * * * *", Noon.AddHours(-6), MissedOccurrences.One);
        Assert.Equal([Noon], due.Times);
        Assert.Equal((0, true), (due.MadeUp, due.HasMissed));
    }

    [Fact]
    public void Of_very_many_that_were_missed_the_last_thousand_are_made_up_for()
    {
        SchedulePlan.Due due = Of("* * * * * *", Noon.AddDays(-30), MissedOccurrences.All);
        Assert.Equal(SchedulePlan.MostMissed + 120, due.Times.Count);
        Assert.Equal(due.Times.Count, due.Times.Distinct().Count());
        Assert.Equal(Noon, due.Times[^1]);
    }

    [Fact]
    public void A_clock_that_is_behind_enqueues_nothing_twice()
    {
        SchedulePlan.Due due = Of("* * * * * *", Noon.AddSeconds(30), MissedOccurrences.All);
        Assert.Empty(due.Times);
        Assert.Equal(Noon.AddSeconds(30), due.Through);
    }

    [Fact]
    public void The_id_of_an_occurrence_is_a_version_7_of_its_time_and_the_same_each_time()
    {
        string id = TaskIds.Of(Noon, "nightly\n1");
        Assert.Equal(id, TaskIds.Of(Noon, "nightly\n1"));
        Assert.NotEqual(id, TaskIds.Of(Noon, "hourly\n1"));
        Assert.Equal(7, Guid.Parse(id).Version);
        Assert.Equal(Noon, TaskIds.CreatedAt(id));
    }

    private static SchedulePlan.Due Of(string cron, DateTimeOffset through, MissedOccurrences missed) =>
        SchedulePlan.Of(Timetable.Parse(cron, "UTC", Noon), through, Noon, missed);
}
