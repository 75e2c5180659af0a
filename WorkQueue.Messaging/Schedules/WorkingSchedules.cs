using System.Collections.Concurrent;
using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Schedules;

/// <summary>The schedules as who leads has them: nobody else changes them, and each change is in the log before it is here.</summary>
internal sealed class WorkingSchedules
{
    /// <summary>Publishes at once on the leader's channel.</summary>
    public const int AtOnce = 16;

    private readonly ConcurrentDictionary<string, ScheduleState> _schedules = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, DateTimeOffset?> _next = new(StringComparer.Ordinal);

    private readonly HashSet<string> _missed = new(StringComparer.Ordinal);

    public ICollection<ScheduleState> All => _schedules.Values;

    public void Begin(IEnumerable<ScheduleState> known)
    {
        _schedules.Clear();
        _next.Clear();
        _missed.Clear();
        foreach (ScheduleState schedule in known)
        {
            _schedules[schedule.Name] = schedule;
        }
    }

    public ScheduleState? Find(string name) => _schedules.GetValueOrDefault(name);

    /// <summary>Those that are to be looked at now: one that is new or was changed, or whose time has come.</summary>
    public IReadOnlyList<ScheduleState> ToLookAt(DateTimeOffset now) =>
        [.. All.Where(schedule => schedule.IsActive && (!_next.TryGetValue(schedule.Name, out DateTimeOffset? next) || next <= now))];

    /// <summary>When the next one is to be looked at.</summary>
    public DateTimeOffset? Next => All.Where(schedule => schedule.IsActive).Min(schedule => _next.GetValueOrDefault(schedule.Name));

    /// <summary>When one is to be looked at next; null for never.</summary>
    public void LookAgain(string name, DateTimeOffset? at) => _next[name] = at;

    /// <summary>Whether it has missed something, and had not when it was looked at before.</summary>
    public bool IsFirstMissed(string name, bool hasMissed)
    {
        if (hasMissed)
        {
            return _missed.Add(name);
        }

        _missed.Remove(name);
        return false;
    }

    /// <summary>A schedule is new, or does something else.</summary>
    public async Task DefineAsync(ScheduleState schedule, ILeaderSession session)
    {
        await WriteAsync(new ScheduleEntry(schedule.Name, schedule.Options, schedule.Progress), session);
        _schedules[schedule.Name] = schedule;
        _next.TryRemove(schedule.Name, out _);
    }

    /// <summary>A schedule has come further.</summary>
    public async Task<ScheduleState> SetAsync(ScheduleState schedule, ScheduleProgress progress, ILeaderSession session)
    {
        await WriteAsync(new ScheduleEntry(schedule.Name, Progress: progress), session);
        _next.TryRemove(schedule.Name, out _);
        return _schedules[schedule.Name] = schedule with { Progress = progress };
    }

    public async Task RemoveAsync(string name, ILeaderSession session)
    {
        await session.WriteAsync(new LeaderEntry(ScheduleEntry.Removed, new ScheduleEntry(name).Write()));
        _schedules.TryRemove(name, out _);
    }

    public async Task WriteAllAsync(ILeaderSession session)
    {
        foreach (ScheduleState[] some in All.Chunk(AtOnce))
        {
            await Task.WhenAll(some.Select(schedule => WriteAsync(new ScheduleEntry(schedule.Name, schedule.Options, schedule.Progress), session)));
        }
    }

    private static Task WriteAsync(ScheduleEntry entry, ILeaderSession session) => session.WriteAsync(new LeaderEntry(ScheduleEntry.Set, entry.Write()));
}
