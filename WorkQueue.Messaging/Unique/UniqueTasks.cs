using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Unique;

/// <summary>
/// What the program that leads does for tasks with keys: it alone enqueues them, one of each key. That a key is held is in the log, with the task, before the task
/// is enqueued: who leads next enqueues what this one did not come to.
/// </summary>
internal sealed class UniqueTasks(TaskTopology topology, ICancelledTasks cancelled, ControlWriter control, TimeProvider clock, ILogger<UniqueTasks> logger) : ILeaderDuty
{
    /// <summary>Keys that are held at once.</summary>
    public const int MostKeys = 100_000;

    private const int InAnEntry = 200;
    private const int AtOnce = 16;

    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(5);

    private readonly UniqueKeys _read = new();
    private readonly UniqueKeys _working = new();
    private DateTimeOffset _tryAgain;

    public void Read(LeaderEntry entry)
    {
        _read.Read(entry);
        _read.Expire(clock.GetUtcNow());
    }

    public void Forget() => _read.Forget();

    public void Begin()
    {
        _working.Clear();
        _tryAgain = default;
        foreach (UniqueClaim claim in _read.All)
        {
            _working.Set(claim);
        }
    }

    public string? ThingOf(LeaderEntry command) => command.Kind.StartsWith("unique.", StringComparison.Ordinal) ? $"key {command.FirstText()}" : null;

    public async Task<IReadOnlyList<LeaderAnswer>> ObeyAsync(IReadOnlyList<LeaderEntry> commands, ILeaderSession session)
    {
        UniquePlacing placing = Placing(session);
        List<LeaderAnswer> answers = [];
        foreach (LeaderEntry command in commands)
        {
            answers.Add(command.Kind switch
            {
                UniqueEntries.Enqueue when UniqueEntries.ReadCommand(command.Body) is { } asked => await placing.EnqueueAsync(asked, command.By),
                UniqueEntries.Ended when TaskEnd.Read(command.Body) is { } end => await EndAsync(end, session),
                _ => new LeaderAnswer(LeaderDuties.Unknown(command)),
            });
        }

        return answers;
    }

    public async Task<DateTimeOffset?> WorkAsync(ILeaderSession session, CancellationToken stopping)
    {
        DateTimeOffset now = clock.GetUtcNow();
        // Nobody has to wake for it.
        _working.Expire(now);
        if (now < _tryAgain)
        {
            return _tryAgain;
        }

        UniquePlacing placing = Placing(session);
        long start = clock.GetTimestamp();
        foreach (UniqueClaim claim in _working.Placing)
        {
            stopping.ThrowIfCancellationRequested();
            if (clock.GetElapsedTime(start) > LeaderDuties.Turn)
            {
                break;
            }

            if ((await placing.PlaceAsync(claim, again: true)).Refusal is { } refusal)
            {
                logger.UniqueTaskWaits(claim.TaskId, refusal);
                _tryAgain = now + TryAgain;
            }
            else
            {
                await session.WriteAsync(new LeaderEntry(UniqueEntries.Placed, default, claim.By));
            }
        }

        return _working.Placing.Count > 0 ? _tryAgain : null;
    }

    public async Task WriteAllAsync(ILeaderSession session)
    {
        foreach (UniqueClaim[][] entries in Entries(_working.All).Chunk(AtOnce))
        {
            await Task.WhenAll(entries.Select(some => session.WriteAsync(new LeaderEntry(UniqueEntries.Some, UniqueEntries.Write(some)))));
        }
    }

    // A message is at most 16 MiB; one that is still to be enqueued has its payload with it.
    private static IEnumerable<UniqueClaim[]> Entries(IEnumerable<UniqueClaim> claims)
    {
        List<UniqueClaim> some = [];
        foreach (UniqueClaim claim in claims)
        {
            if (claim.Placing is not null)
            {
                yield return [claim];
                continue;
            }

            some.Add(claim);
            if (some.Count == InAnEntry)
            {
                yield return [.. some];
                some.Clear();
            }
        }

        if (some.Count > 0)
        {
            yield return [.. some];
        }
    }

    private UniquePlacing Placing(ILeaderSession session) => new(_working, topology, cancelled, control, session, clock, logger);

    // Of one whose place another has taken nothing is told.
    private async Task<LeaderAnswer> EndAsync(TaskEnd end, ILeaderSession session)
    {
        if (_working.Find(end.Name, clock.GetUtcNow()) is { } held && held.TaskId == end.TaskId && held.Version <= end.Redriven)
        {
            await session.WriteAsync(new LeaderEntry(UniqueEntries.Freed, UniqueEntries.Write(new UniqueScope(end.Name))));
            _working.Free(end.Name);
        }

        return default;
    }
}
