using System.Collections.Concurrent;
using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Unique;

/// <summary>The keys that are held. Those whose time is over go by themselves.</summary>
internal sealed class UniqueKeys
{
    private static readonly TimeSpan Sweep = TimeSpan.FromMinutes(1);

    private readonly ConcurrentDictionary<string, UniqueClaim> _held = new(StringComparer.Ordinal);

    // By the command; few at a time.
    private readonly ConcurrentDictionary<string, string> _placing = new(StringComparer.Ordinal);
    private DateTimeOffset _swept;
    private HashSet<string>? _stale;

    public int Count => _held.Count;

    public IEnumerable<UniqueClaim> All => _held.Select(entry => entry.Value);

    /// <summary>Those whose task is still to be enqueued.</summary>
    public IReadOnlyList<UniqueClaim> Placing => [.. _placing.Select(entry => _held.GetValueOrDefault(entry.Value)).OfType<UniqueClaim>().Where(claim => claim.Placing is not null).Distinct()];

    public UniqueClaim? Find(string scope, DateTimeOffset now) => _held.TryGetValue(scope, out UniqueClaim? claim) && claim.Until > now ? claim : null;

    public void Set(UniqueClaim claim)
    {
        _stale?.Remove(claim.Scope);
        if (_held.TryGetValue(claim.Scope, out UniqueClaim? before) && before.By is { } earlier && earlier != claim.By)
        {
            _placing.TryRemove(earlier, out _);
        }

        _held[claim.Scope] = claim;
        if (claim is { Placing: not null, By: { } by })
        {
            _placing[by] = claim.Scope;
        }
    }

    /// <summary>The task of a key is enqueued.</summary>
    public void Placed(UniqueClaim claim)
    {
        _placing.TryRemove(claim.By ?? "", out _);
        _held.TryUpdate(claim.Scope, claim with { Placing = null }, claim);
    }

    public void Free(string scope)
    {
        if (_held.TryRemove(scope, out UniqueClaim? claim))
        {
            _placing.TryRemove(claim.By ?? "", out _);
        }
    }

    public void Clear()
    {
        _held.Clear();
        _placing.Clear();
    }

    /// <summary>The log was deleted and made anew: what the old one had holds until all is written anew.</summary>
    public void Forget() => _stale = [.. _held.Keys];

    /// <summary>Lets go of those whose time is over, now and then.</summary>
    public void Expire(DateTimeOffset now)
    {
        if (now - _swept < Sweep)
        {
            return;
        }

        _swept = now;
        foreach ((string scope, UniqueClaim claim) in _held)
        {
            // What is still to be enqueued is not forgotten.
            if (claim.Until <= now && claim.Placing is null)
            {
                Free(scope);
            }
        }
    }

    /// <summary>Reads an entry of the log; other kinds are passed over.</summary>
    public void Read(LeaderEntry entry)
    {
        switch (entry.Kind)
        {
            case UniqueEntries.Held when UniqueEntries.ReadClaim(entry.Body) is { } claim:
                Set(claim);
                break;
            case UniqueEntries.Some:
                foreach (UniqueClaim claim in UniqueEntries.ReadClaims(entry.Body))
                {
                    Set(claim);
                }

                break;
            // The answer says so too.
            case UniqueEntries.Placed or LeaderLog.Answered when entry.By is { } by && _placing.TryGetValue(by, out string? placed) && _held.TryGetValue(placed, out UniqueClaim? claim) && claim.By == by:
                Placed(claim);
                break;
            case LeaderLog.Whole:
                foreach (string scope in _stale ?? [])
                {
                    Free(scope);
                }

                _stale = null;
                break;
            case UniqueEntries.Freed when UniqueEntries.ReadScope(entry.Body) is { } scope:
                Free(scope);
                break;
        }
    }
}
