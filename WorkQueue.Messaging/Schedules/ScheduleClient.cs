using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Schedules;

/// <summary>Reads the schedules here, and has the leader change them.</summary>
internal sealed class ScheduleClient(ILeaderCommands leader, ScheduleBook book, ScheduleRules rules, TimeProvider clock) : ISchedules
{
    private const int Shown = 5;

    public async Task<IReadOnlyList<Schedule>> ListAsync(CancellationToken cancellationToken = default)
    {
        await leader.ReadyAsync(cancellationToken);
        return [.. book.Current.Values.OrderBy(schedule => schedule.Name, StringComparer.Ordinal).Select(Of)];
    }

    public async Task<Schedule?> FindAsync(string name, CancellationToken cancellationToken = default)
    {
        await leader.ReadyAsync(cancellationToken);
        return book.Current.GetValueOrDefault(name) is { } schedule ? Of(schedule) : null;
    }

    public async Task<Schedule> DefineAsync(string name, ScheduleOptions options, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(options);
        rules.Check(name, options);
        string? refusal = (await leader.AskAsync(ScheduleEntry.Define, new ScheduleEntry(name, options).Write(), cancellationToken)).Refusal;
        return refusal is not null ? throw new InvalidScheduleException(refusal)
            // Somebody may have removed it at once.
            : Of(book.Current.GetValueOrDefault(name) ?? new ScheduleState(name, options, new ScheduleProgress(clock.GetUtcNow())));
    }

    public Task<bool> RemoveAsync(string name, CancellationToken cancellationToken = default) => ChangeAsync(ScheduleEntry.Remove, name, cancellationToken);

    public Task<bool> PauseAsync(string name, CancellationToken cancellationToken = default) => ChangeAsync(ScheduleEntry.Pause, name, cancellationToken);

    public Task<bool> ResumeAsync(string name, CancellationToken cancellationToken = default) => ChangeAsync(ScheduleEntry.Resume, name, cancellationToken);

    public async Task<string?> RunAsync(string name, CancellationToken cancellationToken = default)
    {
        await leader.ReadyAsync(cancellationToken);
        if (book.Current.GetValueOrDefault(name) is not { } schedule)
        {
            return null;
        }

        rules.Check(name, schedule.Options);
        string id = Guid.CreateVersion7(clock.GetUtcNow()).ToString();
        string? refusal = (await leader.AskAsync(ScheduleEntry.Run, new ScheduleEntry(name, TaskId: id).Write(), cancellationToken)).Refusal;
        return refusal is null ? id : book.Current.ContainsKey(name) ? throw TaskRefusal.Read(refusal, id) ?? new InvalidScheduleException(refusal) : null;
    }

    private async Task<bool> ChangeAsync(string kind, string name, CancellationToken cancellationToken)
    {
        await leader.ReadyAsync(cancellationToken);
        return book.Current.ContainsKey(name) && (await leader.AskAsync(kind, new ScheduleEntry(name).Write(), cancellationToken)).Refusal is null;
    }

    private Schedule Of(ScheduleState schedule)
    {
        List<DateTimeOffset> next = [];
        string? problem = schedule.Progress.Problem;
        try
        {
            Timetable timetable = Timetable.Parse(schedule.Options.Cron, schedule.Options.TimeZone, clock.GetUtcNow());
            DateTimeOffset? due = schedule.IsActive ? timetable.After(schedule.Progress.From(clock.GetUtcNow())) : null;
            for (; due is { } time && next.Count < Shown; due = timetable.After(time))
            {
                next.Add(time);
            }
        }
        catch (InvalidScheduleException wrong)
        {
            problem ??= wrong.Message;
        }

        return new Schedule(schedule.Name, schedule.Options, schedule.Progress.IsPaused, next, problem, schedule.Progress.Runs);
    }
}
