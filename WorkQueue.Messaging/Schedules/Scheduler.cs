using System.Collections.Immutable;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Schedules;

/// <summary>
/// Enqueues what is due, in the program that leads. A task has an id made from its schedule and the time at which it was due: whoever enqueues it, however often,
/// it is one task. It is enqueued first, and then written down: what a leader did not come to write, the next one does again.
/// </summary>
internal sealed class Scheduler(ScheduleBook book, ScheduleRules rules, TimeProvider clock, ILogger<Scheduler> logger) : ILeaderDuty
{
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);

    private readonly Dictionary<string, Timetable> _timetables = new(StringComparer.Ordinal);

    // When each is to be looked at; one that is not in it is to be looked at now.
    private readonly Dictionary<string, DateTimeOffset?> _next = new(StringComparer.Ordinal);
    private ImmutableDictionary<string, ScheduleState> _schedules = ImmutableDictionary<string, ScheduleState>.Empty;

    public void Read(LeaderEntry entry) => book.Read(entry);

    public void Forget() => book.Forget();

    public void Begin()
    {
        _schedules = book.Current;
        _timetables.Clear();
        _next.Clear();
    }

    public async Task<string?> ObeyAsync(LeaderEntry command, ILeaderSession session)
    {
        if (!command.Kind.StartsWith("schedule.", StringComparison.Ordinal) || ScheduleEntry.Read(command.Body) is not { } asked)
        {
            return null;
        }

        if (command.Kind == ScheduleEntry.Define)
        {
            return asked.Options is { } options ? await DefineAsync(asked.Name, options, session) : null;
        }

        if (_schedules.GetValueOrDefault(asked.Name) is not { } schedule)
        {
            return $"There is no schedule '{asked.Name}'.";
        }

        switch (command.Kind)
        {
            case ScheduleEntry.Remove:
                await session.WriteAsync(new LeaderEntry(ScheduleEntry.Removed, new ScheduleEntry(asked.Name).Write()));
                _schedules = _schedules.Remove(asked.Name);
                break;
            case ScheduleEntry.Pause:
                await SetAsync(schedule, schedule.Progress with { IsPaused = true }, session);
                break;
            case ScheduleEntry.Resume when schedule.Progress.IsPaused:
                await SetAsync(schedule, schedule.Progress with { IsPaused = false, Through = clock.GetUtcNow() }, session);
                break;
            case ScheduleEntry.Ended when schedule.Progress.Pending == asked.TaskId:
                await SetAsync(schedule, schedule.Progress with { Pending = null }, session);
                break;
            case ScheduleEntry.Run when asked.TaskId is { } id:
                return await RunNowAsync(schedule, id, session);
        }

        return null;
    }

    public async Task<DateTimeOffset?> WorkAsync(ILeaderSession session, CancellationToken stopping)
    {
        DateTimeOffset now = clock.GetUtcNow();
        foreach (ScheduleState schedule in _schedules.Values.Where(schedule => schedule.IsActive && (!_next.TryGetValue(schedule.Name, out DateTimeOffset? next) || next <= now)))
        {
            stopping.ThrowIfCancellationRequested();
            DateTimeOffset? due = await WorkAsync(schedule, now, session, stopping);
            _next[schedule.Name] = due;
        }

        return _schedules.Values.Where(schedule => schedule.IsActive).Min(schedule => _next[schedule.Name]);
    }

    public async Task WriteAllAsync(ILeaderSession session)
    {
        foreach (ScheduleState schedule in _schedules.Values)
        {
            await session.WriteAsync(new LeaderEntry(ScheduleEntry.Set, new ScheduleEntry(schedule.Name, schedule.Options, schedule.Progress).Write()));
        }
    }

    private async Task<string?> DefineAsync(string name, ScheduleOptions options, ILeaderSession session)
    {
        if (_schedules.GetValueOrDefault(name) is { } known && ScheduleEntry.AreSame(known.Options, options))
        {
            return null;
        }

        if (ScheduleRules.Problem(name, options, clock.GetUtcNow()) is { } problem)
        {
            // From settings nobody waits for the answer.
            logger.ScheduleTroubled(name, problem);
            return problem;
        }

        if (!_schedules.ContainsKey(name) && _schedules.Count >= ScheduleRules.MostSchedules)
        {
            return $"There are {ScheduleRules.MostSchedules} schedules, and no more are possible.";
        }

        // Paused stays paused; what the old one has missed is not the new one's.
        ScheduleProgress progress = _schedules.GetValueOrDefault(name)?.Progress ?? new ScheduleProgress(default);
        _timetables.Remove(name);
        _next.Remove(name);
        ScheduleState defined = new(name, options, progress with { Through = clock.GetUtcNow(), Problem = null });
        await session.WriteAsync(new LeaderEntry(ScheduleEntry.Set, new ScheduleEntry(name, options, defined.Progress).Write()));
        _schedules = _schedules.SetItem(name, defined);
        return null;
    }

    private async Task<string?> RunNowAsync(ScheduleState schedule, string id, ILeaderSession session)
    {
        // The same command again, from a leader that did not come to acknowledge it.
        if (schedule.Progress.Runs.Any(run => run.TaskId == id))
        {
            return null;
        }

        try
        {
            await session.Tasks.EnqueueAsync(ScheduleRules.TaskOf(schedule.Options, id, null), null, CancellationToken.None);
        }
        catch (Exception failure) when (IsOfTheTask(failure))
        {
            return failure.Message;
        }

        DateTimeOffset now = clock.GetUtcNow();
        await SetAsync(schedule, schedule.Progress with { Runs = schedule.Progress.With(new ScheduleRun(now, now, id, IsManual: true)).Runs }, session);
        return null;
    }

    private async Task<DateTimeOffset?> WorkAsync(ScheduleState schedule, DateTimeOffset now, ILeaderSession session, CancellationToken stopping)
    {
        try
        {
            rules.Check(schedule.Name, schedule.Options);
            Timetable timetable = TimetableOf(schedule, now);
            SchedulePlan.Due due = SchedulePlan.Of(timetable, schedule.Progress.Through, now, schedule.Options.Missed);
            if (due.HasMissed)
            {
                logger.OccurrencesMissed(schedule.Name, schedule.Progress.Through, schedule.Options.Missed, due.MadeUp);
            }

            foreach (DateTimeOffset time in due.Times)
            {
                stopping.ThrowIfCancellationRequested();
                schedule = await EnqueueAsync(schedule, time, session);
            }

            ScheduleProgress progress = schedule.Progress with { Through = due.Through, Problem = null };
            schedule = progress == schedule.Progress ? schedule : await SetAsync(schedule, progress, session);
            return timetable.After(schedule.Progress.Through > now ? schedule.Progress.Through : now);
        }
        catch (Exception failure) when (IsOfTheTask(failure) || failure is InvalidScheduleException)
        {
            return await TroubleAsync(schedule, failure.Message, session);
        }
    }

    private async Task<ScheduleState> EnqueueAsync(ScheduleState schedule, DateTimeOffset due, ILeaderSession session)
    {
        bool watches = schedule.Options.Overlap == OverlapRule.Skip;
        string? id = watches && schedule.Progress.Pending is not null ? null : TaskIds.Of(due, $"{schedule.Name}\n{due.ToUnixTimeMilliseconds()}");
        if (id is not null)
        {
            await session.Tasks.EnqueueAsync(ScheduleRules.TaskOf(schedule.Options, id, watches ? $"schedule:{schedule.Name}" : null), null, CancellationToken.None);
        }

        ScheduleProgress progress = schedule.Progress.With(new ScheduleRun(due, clock.GetUtcNow(), id)) with { Through = due };
        return await SetAsync(schedule, watches && id is not null ? progress with { Pending = id } : progress, session);
    }

    // Its tasks may be possible again when the programs are started that know their type.
    private async Task<DateTimeOffset?> TroubleAsync(ScheduleState schedule, string problem, ILeaderSession session)
    {
        if (schedule.Progress.Problem != problem)
        {
            logger.ScheduleTroubled(schedule.Name, problem);
            await SetAsync(schedule, schedule.Progress with { Problem = problem }, session);
        }

        return clock.GetUtcNow() + TryAgain;
    }

    private async Task<ScheduleState> SetAsync(ScheduleState schedule, ScheduleProgress progress, ILeaderSession session)
    {
        await session.WriteAsync(new LeaderEntry(ScheduleEntry.Set, new ScheduleEntry(schedule.Name, Progress: progress).Write()));
        ScheduleState set = schedule with { Progress = progress };
        _schedules = _schedules.SetItem(schedule.Name, set);
        _next.Remove(schedule.Name);
        return set;
    }

    private Timetable TimetableOf(ScheduleState schedule, DateTimeOffset now)
    {
        if (!_timetables.TryGetValue(schedule.Name, out Timetable? timetable))
        {
            _timetables[schedule.Name] = timetable = Timetable.Parse(schedule.Options.Cron, schedule.Options.TimeZone, now);
        }

        return timetable;
    }

    // Of this one, and not of the broker: others can go on.
    private static bool IsOfTheTask(Exception failure) =>
        failure is InvalidTaskException or TaskNotEnqueuedException { Outcome: PublishOutcome.QueueFull or PublishOutcome.Refused or PublishOutcome.Returned };
}
