using System.Collections.Immutable;
using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Schedules;

/// <summary>The schedules, as the leader's log tells of them.</summary>
internal sealed class ScheduleBook
{
    private ImmutableDictionary<string, ScheduleState>? _before;
    private ImmutableDictionary<string, ScheduleState> _schedules = ImmutableDictionary.Create<string, ScheduleState>(StringComparer.Ordinal);

    /// <summary>All of them, as they are at the moment.</summary>
    public ImmutableDictionary<string, ScheduleState> Current => Volatile.Read(ref _schedules);

    /// <summary>With what a leader begins: of a log that was deleted, and is not whole yet, what the old one had besides.</summary>
    public ImmutableDictionary<string, ScheduleState> ForLeader => Volatile.Read(ref _before)?.SetItems(Current) ?? Current;

    /// <summary>The log was deleted and made anew.</summary>
    public void Forget()
    {
        Volatile.Write(ref _before, ForLeader);
        Volatile.Write(ref _schedules, _schedules.Clear());
    }

    /// <summary>Reads an entry of the log; other kinds are passed over.</summary>
    public void Read(LeaderEntry entry)
    {
        Volatile.Write(ref _schedules, After(Current, entry));
        if (entry.Kind == LeaderLog.Whole)
        {
            Volatile.Write(ref _before, null);
        }
    }

    private static ImmutableDictionary<string, ScheduleState> After(ImmutableDictionary<string, ScheduleState> schedules, LeaderEntry entry)
    {
        if (entry.Kind is not (ScheduleEntry.Set or ScheduleEntry.Removed) || ScheduleEntry.Read(entry.Body) is not { } read)
        {
            return schedules;
        }

        if (entry.Kind == ScheduleEntry.Removed)
        {
            return schedules.Remove(read.Name);
        }

        ScheduleState? known = schedules.GetValueOrDefault(read.Name);
        return (read.Options ?? known?.Options) is { } options && (read.Progress ?? known?.Progress) is { } progress
            ? schedules.SetItem(read.Name, new ScheduleState(read.Name, options, progress))
            : schedules;
    }
}
