using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Control;

namespace WorkQueue.Messaging.Flow;

/// <summary>
/// The permits of one limit that this process holds (docs/adr/0021). A slot uses one for as long as it takes from the queue, which costs nothing for
/// each task. Slots take and return at any time; <see cref="PermitTurns"/> alone gets and gives back.
/// </summary>
internal sealed class PermitPool(TimeProvider clock)
{
    /// <summary>How long it keeps one that no slot uses: what was asked for may be wanted no more, and others wait.</summary>
    public static readonly TimeSpan LongestFree = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly List<Permit> _free = [];
    private readonly List<Permit> _used = [];

    // Nobody knows whether this connection has them: not to be used, but to be given back.
    private readonly HashSet<int> _doubtful = [];

    // Not to be tried: what this connection has, or may have.
    private readonly HashSet<int> _untried = [];
    private OpenConnection? _of;

    /// <summary>How many of them slots of this process use.</summary>
    public int Used
    {
        get
        {
            lock (_lock)
            {
                return _used.Count(permit => !permit.IsLost);
            }
        }
    }

    /// <inheritdoc cref="PermitWaiters.Switch"/>
    public PauseSwitch Switch => Waiters.Switch;

    /// <summary>The slots that wait.</summary>
    public PermitWaiters Waiters { get; } = new();

    /// <summary>Takes a permit, if this process has one that is free.</summary>
    public Permit? TryTake()
    {
        lock (_lock)
        {
            _free.RemoveAll(permit => permit.IsLost);
            Permit? taken = _free.Count == 0 ? null : _free[^1];
            if (taken is not null)
            {
                _free.Remove(taken);
                _used.Add(taken);
            }

            Switch.Set(paused: _free.Count == 0);
            return taken;
        }
    }

    /// <summary>A slot needs it no more.</summary>
    public void Return(Permit permit)
    {
        lock (_lock)
        {
            _used.Remove(permit);
            if (!permit.IsLost)
            {
                Add(permit);
            }
        }
    }

    /// <summary>The connection to hold permits by from here on; what was held by another is lost.</summary>
    public void Begin(OpenConnection open)
    {
        lock (_lock)
        {
            if (_of != open)
            {
                _of = open;
                _untried.Clear();
                _doubtful.Clear();
            }
        }
    }

    /// <summary>What is held by a connection.</summary>
    public IReadOnlyList<Permit> HeldBy(OpenConnection open)
    {
        lock (_lock)
        {
            return [.. _used.Concat(_free).Where(held => held.Of == open && !held.IsLost)];
        }
    }

    /// <summary>The next to be given back: one of which nobody knows whether it is held, or that no slot has used for a while.</summary>
    public int? NextToRelease()
    {
        lock (_lock)
        {
            _free.RemoveAll(permit => permit.IsLost);
            if (_free.Find(permit => clock.GetElapsedTime(permit.FreeSince) > LongestFree) is { } unused)
            {
                _free.Remove(unused);
                _doubtful.Add(unused.Number);
            }

            Switch.Set(paused: _free.Count == 0);
            return _doubtful.Count == 0 ? null : _doubtful.First();
        }
    }

    /// <summary>How many more are wanted than are free.</summary>
    public int TakeWanted()
    {
        lock (_lock)
        {
            return Waiters.TakeWanted() - _free.Count;
        }
    }

    /// <summary>A number is about to be tried; until it is known what became of that, nobody knows whether it is held.</summary>
    /// <returns>False where it is held, or may be.</returns>
    public bool TryBegin(int number)
    {
        lock (_lock)
        {
            return _untried.Add(number) && _doubtful.Add(number);
        }
    }

    /// <summary>It is held, by the connection it was tried by.</summary>
    public void Got(int number, OpenConnection open)
    {
        lock (_lock)
        {
            _doubtful.Remove(number);
            Add(new Permit(number, open));
        }
    }

    /// <summary>It is not held any more.</summary>
    public void Gone(int number)
    {
        lock (_lock)
        {
            _doubtful.Remove(number);
            _untried.Remove(number);
        }
    }

    private void Add(Permit permit)
    {
        permit.FreeSince = clock.GetTimestamp();
        _free.Add(permit);
        Switch.Set(paused: false);
    }
}
