using System.Collections.Concurrent;
using WorkQueue.Messaging.Calls;
using WorkQueue.Messaging.Wire;
using WorkQueue.Testing.Clocks;

namespace WorkQueue.Testing.InMemory;

/// <summary>The calls that wait for their replies. A handler that calls a task waits as one that waits for the clock: it goes on when something else has run.</summary>
internal sealed class MemoryReplies(CurrentRun current) : IReplies
{
    private const string Address = "replies";

    private readonly ConcurrentDictionary<string, (PendingCall Call, RunWatch? Caller)> _pending = new(StringComparer.Ordinal);

    /// <summary>Whether a call of this task still waits.</summary>
    public bool IsPending(string id) => _pending.Values.Any(pending => pending.Call.Task == id);

    public Task<PendingCall> ExpectAsync(string id, CancellationToken cancellationToken)
    {
        string correlation = Guid.NewGuid().ToString();
        PendingCall call = new(id, Address, correlation, () => Take(correlation));
        RunWatch? caller = current.Value;
        _pending[correlation] = (call, caller);
        caller?.BeginWait();
        return Task.FromResult(call);
    }

    public void Answer(Reply reply)
    {
        if (reply.CorrelationId is { } correlation)
        {
            Take(correlation)?.Answer(reply);
        }
    }

    // At the answer already, not when the caller goes on: until then it would still seem to wait.
    private PendingCall? Take(string correlation)
    {
        if (!_pending.TryRemove(correlation, out (PendingCall Call, RunWatch? Caller) pending))
        {
            return null;
        }

        pending.Caller?.EndWait();
        return pending.Call;
    }
}
