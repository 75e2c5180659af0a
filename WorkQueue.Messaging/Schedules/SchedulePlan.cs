namespace WorkQueue.Messaging.Schedules;

/// <summary>Which occurrences are to be enqueued; pure.</summary>
internal static class SchedulePlan
{
    /// <summary>One that is no later than this is not missed: a change of the leader may take as long.</summary>
    public static readonly TimeSpan Grace = TimeSpan.FromMinutes(2);

    /// <summary>So many of those that were missed are made up for.</summary>
    public const int MostMissed = 1000;

    /// <summary>What is due.</summary>
    /// <param name="timetable">When.</param>
    /// <param name="through">Up to here everything is done.</param>
    /// <param name="now">The present.</param>
    /// <param name="missed">What becomes of what was missed.</param>
    public static Due Of(Timetable timetable, DateTimeOffset through, DateTimeOffset now, MissedOccurrences missed)
    {
        DateTimeOffset late = now - Grace;
        // A minute has 60 seconds, and no expression more.
        IReadOnlyList<DateTimeOffset> recent = through >= now ? [] : timetable.Last((int)Grace.TotalSeconds + 1, through > late ? through : late, now);
        int wanted = missed == MissedOccurrences.All ? MostMissed + 1 : 1;
        IReadOnlyList<DateTimeOffset> older = through >= late ? [] : timetable.Last(wanted, through, late);
        DateTimeOffset[] madeUp = missed switch
        {
            MissedOccurrences.All => [.. older.TakeLast(MostMissed)],
            MissedOccurrences.One when recent.Count == 0 => [.. older.TakeLast(1)],
            _ => [],
        };
        return new Due([.. madeUp, .. recent], recent.Count > 0 ? recent[^1] : older.Count > 0 ? older[^1] : through, madeUp.Length, older.Count > 0);
    }

    /// <summary>What is to be enqueued.</summary>
    /// <param name="Times">When each was due, the oldest first.</param>
    /// <param name="Through">Up to here everything is done, when it is.</param>
    /// <param name="MadeUp">So many of them were missed.</param>
    /// <param name="HasMissed">Some were missed, whether or not they are made up for.</param>
    public readonly record struct Due(IReadOnlyList<DateTimeOffset> Times, DateTimeOffset Through, int MadeUp, bool HasMissed);
}
