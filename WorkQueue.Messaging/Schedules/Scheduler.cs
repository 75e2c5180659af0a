using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Schedules;

/// <summary>What the program that leads does for the schedules: it changes them as it is asked to, and has what is due enqueued.</summary>
internal sealed class Scheduler(ScheduleBook book, ScheduleRules rules, TimeProvider clock, ILogger<Scheduler> logger) : ILeaderDuty
{
    private readonly WorkingSchedules _schedules = new();

    public void Read(LeaderEntry entry) => book.Read(entry);

    public void Forget() => book.Forget();

    public void Begin() => _schedules.Begin(book.ForLeader.Values);

    public Task<DateTimeOffset?> WorkAsync(ILeaderSession session, CancellationToken stopping) => new DueTasks(_schedules, rules, session, clock, logger).EnqueueAsync(stopping);

    public Task WriteAllAsync(ILeaderSession session) => _schedules.WriteAllAsync(session);

    // They share what they change, and are asked for rarely: one after the other.
    public string? ThingOf(LeaderEntry command) => command.Kind.StartsWith("schedule.", StringComparison.Ordinal) ? "schedules" : null;

    public async Task<IReadOnlyList<LeaderAnswer>> ObeyAsync(IReadOnlyList<LeaderEntry> commands, ILeaderSession session)
    {
        List<LeaderAnswer> answers = [];
        foreach (LeaderEntry command in commands)
        {
            answers.Add(new LeaderAnswer(await RefusalAsync(command, session)));
        }

        return answers;
    }

    private async Task<string?> RefusalAsync(LeaderEntry command, ILeaderSession session)
    {
        if (ScheduleEntry.Read(command.Body) is not { } asked)
        {
            return LeaderDuties.Unreadable;
        }

        if (command.Kind == ScheduleEntry.Define)
        {
            return asked.Options is { } options ? await DefineAsync(asked.Name, options, isAsked: command.By is not null, session) : null;
        }

        if (_schedules.Find(asked.Name) is not { } schedule)
        {
            // One that is removed again is gone.
            return command.Kind == ScheduleEntry.Remove ? null : $"There is no schedule '{asked.Name}'.";
        }

        switch (command.Kind)
        {
            case ScheduleEntry.Remove:
                await _schedules.RemoveAsync(asked.Name, session);
                break;
            case ScheduleEntry.Pause:
                await _schedules.SetAsync(schedule, schedule.Progress with { IsPaused = true }, session);
                break;
            case ScheduleEntry.Resume when schedule.Progress.IsPaused:
                await _schedules.SetAsync(schedule, FromNow(schedule.Progress) with { IsPaused = false }, session);
                break;
            case ScheduleEntry.Ended when schedule.Progress.Pending == asked.TaskId:
                await _schedules.SetAsync(schedule, schedule.Progress with { Pending = null }, session);
                break;
            case ScheduleEntry.Run when asked.TaskId is { } id:
                return await RunNowAsync(schedule, id, session);
        }

        return null;
    }

    private async Task<string?> DefineAsync(string name, ScheduleOptions options, bool isAsked, ILeaderSession session)
    {
        ScheduleState? known = _schedules.Find(name);
        if (known is not null && ScheduleEntry.AreSame(known.Options, options))
        {
            return null;
        }

        bool isOneTooMany = known is null && _schedules.All.Count >= ScheduleRules.MostSchedules;
        string? problem = ScheduleRules.Problem(name, options, clock.GetUtcNow())
            ?? (isOneTooMany ? $"There are {ScheduleRules.MostSchedules} schedules, and no more are possible." : null);
        if (problem is not null)
        {
            logger.ScheduleTroubled(name, problem);
            // Nobody waits for the answer where it comes from settings: it is shown as it is, and runs when a program leads that can.
            if (isAsked || !Names.IsValid(name) || options is { Cron: null } or { TimeZone: null } or { Type: null } or { Payload: null } || isOneTooMany)
            {
                return problem;
            }
        }

        // Paused stays paused; what the old one has missed, or waits for, is not the new one's.
        ScheduleProgress progress = FromNow(known?.Progress ?? new ScheduleProgress(default)) with { Problem = problem };
        await _schedules.DefineAsync(new ScheduleState(name, options, progress), session);
        return null;
    }

    private ScheduleProgress FromNow(ScheduleProgress progress) => progress with { Through = progress.From(clock.GetUtcNow()), Pending = null };

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
        catch (Exception failure) when (TaskRefusal.IsOfTheTask(failure))
        {
            return TaskRefusal.Of(failure);
        }

        DateTimeOffset now = clock.GetUtcNow();
        await _schedules.SetAsync(schedule, schedule.Progress.With(new ScheduleRun(now, now, id, IsManual: true)), session);
        return null;
    }
}
