using System.Collections.Concurrent;
using System.Text;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Leading;

/// <summary>Follows what leaders have decided, from its beginning.</summary>
internal sealed class LeaderLog(StreamFollower streams, TaskTopology topology, IEnumerable<ILeaderDuty> duties)
{
    /// <summary>A program leads from here on.</summary>
    public const string Leads = "leads";

    /// <summary>A command is done, or cannot be.</summary>
    public const string Done = "done";

    /// <summary>What matters was written anew.</summary>
    public const string Whole = "whole";

    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<string?>> _expected = new(StringComparer.Ordinal);
    private long _sinceWhole;

    /// <summary>Completes when its end was met once.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Entries since everything was last written anew.</summary>
    public long SinceWhole => Volatile.Read(ref _sinceWhole);

    /// <summary>Reads until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        await foreach (IReadOnlyList<StreamMessage> group in streams.FollowAsync(topology.Leader.Log, null, stopping, anew: Forget))
        {
            foreach (StreamMessage message in group)
            {
                Read(new LeaderEntry(message.Properties.Type ?? "", message.Body, message.Properties.CorrelationId));
            }

            if (group.Count == 0)
            {
                _ready.TrySetResult();
            }
        }
    }

    /// <summary>Expects the answer to a command, or the beginning of a leader; to be asked before it can come.</summary>
    /// <returns>What was said in it.</returns>
    public Task<string?> ExpectAsync(string by) => _expected.GetOrAdd(by, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Nobody waits any more.</summary>
    public void Unexpect(string by) => _expected.TryRemove(by, out _);

    private void Read(LeaderEntry entry)
    {
        _sinceWhole = entry.Kind == Whole ? 0 : _sinceWhole + 1;
        foreach (ILeaderDuty duty in duties)
        {
            duty.Read(entry);
        }

        if (entry is { Kind: Leads or Done, By: { } by } && _expected.TryRemove(by, out TaskCompletionSource<string?>? waiting))
        {
            waiting.TrySetResult(entry.Body.Length == 0 ? null : Encoding.UTF8.GetString(entry.Body.Span));
        }
    }

    private void Forget()
    {
        foreach (ILeaderDuty duty in duties)
        {
            duty.Forget();
        }
    }
}
