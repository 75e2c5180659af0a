namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>How a relay fares, for who asks.</summary>
internal sealed class RelayState(TimeProvider clock)
{
    private volatile RelayProblem? _problem;

    /// <summary>What keeps it from sending, or null.</summary>
    public RelayProblem? Problem => _problem;

    /// <summary>It cannot send.</summary>
    /// <returns>True if that is new.</returns>
    public bool Fails(string reason, bool isDatabase)
    {
        RelayProblem? before = _problem;
        _problem = new RelayProblem(reason, isDatabase, before?.Since ?? clock.GetUtcNow());
        return before?.IsDatabase != isDatabase;
    }

    /// <summary>It can.</summary>
    /// <returns>True if it could not before.</returns>
    public bool Works()
    {
        bool isNew = _problem is not null;
        _problem = null;
        return isNew;
    }
}

/// <summary>What keeps a relay from sending.</summary>
/// <param name="Reason">What was said.</param>
/// <param name="IsDatabase">By the database, not the broker.</param>
/// <param name="Since">Since when it has sent nothing.</param>
internal sealed record RelayProblem(string Reason, bool IsDatabase, DateTimeOffset Since);
