using System.Collections.Concurrent;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Schedules;

/// <summary>
/// Enqueues what is due at a moment, in the order in which it was due: of many schedules that have to catch up none waits for all the others. A task has an id made
/// from its schedule and the time at which it was due: whoever enqueues it, however often, it is one task. It is enqueued first, and then written down: what a
/// leader did not come to write, the next one does again.
/// </summary>
internal sealed class DueTasks(WorkingSchedules schedules, ScheduleRules rules, ILeaderSession session, TimeProvider clock, ILogger logger)
{
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan StuckAfter = TimeSpan.FromHours(24);

    private readonly ConcurrentDictionary<string, string> _troubled = new(StringComparer.Ordinal);

    /// <summary>Enqueues it.</summary>
    /// <returns>When something is due next; null for never.</returns>
    public async Task<DateTimeOffset?> EnqueueAsync(CancellationToken stopping)
    {
        DateTimeOffset now = clock.GetUtcNow();
        Planned[] planned = [.. schedules.ToLookAt(now).Select(schedule => Plan(schedule, now)).OfType<Planned>()];
        bool isDone = await EnqueueAsync(planned, stopping);
        foreach (Planned plan in planned.Where(plan => isDone && !_troubled.ContainsKey(plan.Name)))
        {
            await PassAsync(schedules.Find(plan.Name)!, plan, now);
        }

        foreach ((string name, string problem) in _troubled)
        {
            await SayAsync(schedules.Find(name)!, problem);
        }

        return isDone ? schedules.Next : now;
    }

    // Those that have nothing to make up for come first: what is due now must not wait until it is missed. All of one schedule come in order.
    private async Task<bool> EnqueueAsync(Planned[] planned, CancellationToken stopping)
    {
        long start = clock.GetTimestamp();
        foreach (var moment in planned.SelectMany(plan => plan.Due.Times.Select(time => (Key: (IsLate: plan.Due.MadeUp > 0, Time: time), plan.Name))).GroupBy(due => due.Key, due => due.Name).OrderBy(due => due.Key))
        {
            foreach (string[] names in moment.Chunk(WorkingSchedules.AtOnce))
            {
                stopping.ThrowIfCancellationRequested();
                await Task.WhenAll(names.Where(name => !_troubled.ContainsKey(name)).Select(name => EnqueueAsync(schedules.Find(name)!, moment.Key.Time)));
                if (clock.GetElapsedTime(start) > LeaderDuties.Turn)
                {
                    return false;
                }
            }
        }

        return true;
    }

    private Planned? Plan(ScheduleState schedule, DateTimeOffset now)
    {
        try
        {
            rules.Check(schedule.Name, schedule.Options);
            Timetable timetable = Timetable.Parse(schedule.Options.Cron, schedule.Options.TimeZone, now);
            SchedulePlan.Due due = SchedulePlan.Of(timetable, schedule.Progress.Through, now, schedule.Options.Missed);
            if (schedules.IsFirstMissed(schedule.Name, due.HasMissed))
            {
                logger.OccurrencesMissed(schedule.Name, schedule.Progress.Through, schedule.Options.Missed, due.MadeUp);
            }

            return new Planned(schedule.Name, due, timetable);
        }
#pragma warning disable CA1031 // Whatever is wrong with one schedule, the others go on.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            _troubled[schedule.Name] = failure.Message;
            return null;
        }
    }

    private async Task EnqueueAsync(ScheduleState schedule, DateTimeOffset due)
    {
        bool watches = schedule.Options.Overlap == OverlapRule.Skip;
        string? id = watches && schedule.Progress.Pending is not null ? null : TaskIds.Of(due, $"{schedule.Name}\n{due.ToUnixTimeMilliseconds()}");
        try
        {
            // Not cancellable: who stops in between leaves it to the next one to do it again.
            await (id is null ? Task.CompletedTask : session.Tasks.EnqueueAsync(ScheduleRules.TaskOf(schedule.Options, id, watches ? $"{TaskEnds.OfSchedule}:{schedule.Name}" : null), null, CancellationToken.None));
        }
        catch (Exception failure) when (TaskRefusal.IsOfTheTask(failure))
        {
            _troubled[schedule.Name] = failure.Message;
            return;
        }

        ScheduleProgress progress = schedule.Progress.With(new ScheduleRun(due, clock.GetUtcNow(), id)) with { Through = due };
        await schedules.SetAsync(schedule, watches && id is not null ? progress with { Pending = id } : progress, session);
    }

    // What was left out, and a trouble that is over, are written down too.
    private async Task PassAsync(ScheduleState schedule, Planned plan, DateTimeOffset now)
    {
        // Nobody may ever tell its end: a foreign worker does not, nor does the broker where it drops or dead-letters a task itself.
        string? problem = schedule.Progress is { Pending: { } pending } && now - (schedule.Progress.Runs.FirstOrDefault(run => run.TaskId == pending)?.At ?? TaskIds.CreatedAt(pending)) > StuckAfter
            ? $"its task {pending} has not ended for {StuckAfter.TotalHours:0} hours, and what is due is left out; where it never will, pause and resume the schedule"
            : null;
        ScheduleProgress progress = schedule.Progress with { Through = plan.Due.Through, Problem = problem };
        if (progress != schedule.Progress)
        {
            schedule = await schedules.SetAsync(schedule, progress, session);
        }

        schedules.LookAgain(plan.Name, plan.Timetable.After(schedule.Progress.From(now)));
    }

    // Its tasks may be possible again when the programs are started that know their type.
    private async Task SayAsync(ScheduleState schedule, string problem)
    {
        if (schedule.Progress.Problem != problem)
        {
            logger.ScheduleTroubled(schedule.Name, problem);
            await schedules.SetAsync(schedule, schedule.Progress with { Problem = problem }, session);
        }

        schedules.LookAgain(schedule.Name, clock.GetUtcNow() + TryAgain);
    }

    private sealed record Planned(string Name, SchedulePlan.Due Due, Timetable Timetable);
}
