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

    /// <summary>It still does: where it began may have been dropped.</summary>
    public const string Leading = "leading";

    /// <summary>A command is done, or cannot be: then it says why.</summary>
    public const string Done = "done";

    /// <summary>A command is done, with what was asked for.</summary>
    public const string Answered = "answered";

    /// <summary>What matters was written anew.</summary>
    public const string Whole = "whole";

    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, TaskCompletionSource<LeaderAnswer>> _expected = new(StringComparer.Ordinal);
    private readonly TaskCompletionSource _led = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string? _leader;

    /// <summary>Completes when what was there at the start has been read.</summary>
    public Task Ready => _ready.Task;

    /// <summary>Completes when one leads, or has led.</summary>
    public Task Led => _led.Task;

    /// <summary>The session that leads, as far as the log has been read.</summary>
    public string? Leader => _leader;

    /// <summary>Entries since everything was last written anew, and their bytes.</summary>
    public (long Entries, long Bytes) SinceWhole { get; private set; }

    /// <summary>Reads until it is cancelled.</summary>
    public async Task RunAsync(CancellationToken stopping)
    {
        // Under load there is always a next one: the end is that of the start.
        Task<IReadOnlyList<StreamMessage>> end = streams.ReadEndAsync(topology.Leader.Log, stopping);
        long last = -1;
        await foreach (IReadOnlyList<StreamMessage> group in streams.FollowAsync(topology.Leader.Log, null, stopping, anew: Forget))
        {
            foreach (StreamMessage message in group)
            {
                Read(new LeaderEntry(message.Properties.Type ?? "", message.Body, message.Properties.CorrelationId, message.Properties.AppId));
            }

            last = group.Count == 0 ? last : group[^1].Offset;
            if (end.IsCompletedSuccessfully && (end.Result is [.., StreamMessage newest] ? last >= newest.Offset : group.Count == 0))
            {
                _ready.TrySetResult();
            }
            else if (end is { IsCompleted: true, IsCompletedSuccessfully: false })
            {
                end = streams.ReadEndAsync(topology.Leader.Log, stopping);
            }
        }
    }

    /// <summary>Expects the answer to a command, or the beginning of a leader; to be asked before it can come.</summary>
    /// <returns>What was said in it.</returns>
    public Task<LeaderAnswer> ExpectAsync(string by) => _expected.GetOrAdd(by, _ => new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;

    /// <summary>Nobody waits any more.</summary>
    public void Unexpect(string by) => _expected.TryRemove(by, out _);

    /// <summary>Reads an entry.</summary>
    public void Read(LeaderEntry entry)
    {
        if (entry.Kind == Leads || (entry.Kind == Leading && _leader is null))
        {
            _leader = entry.Leader;
            _led.TrySetResult();
        }

        // On a cluster one that the others take for dead may go on writing for a while: what it says is passed over.
        if (entry.Leader is null || entry.Leader != _leader)
        {
            return;
        }

        SinceWhole = entry.Kind == Whole ? default : (SinceWhole.Entries + 1, SinceWhole.Bytes + entry.Body.Length);
        foreach (ILeaderDuty duty in duties)
        {
            duty.Read(entry);
        }

        if (entry is { Kind: Leads or Done or Answered, By: { } by } && _expected.TryRemove(by, out TaskCompletionSource<LeaderAnswer>? waiting))
        {
            string? said = entry.Body.Length == 0 ? null : Encoding.UTF8.GetString(entry.Body.Span);
            waiting.TrySetResult(entry.Kind == Answered ? new LeaderAnswer(Text: said) : new LeaderAnswer(Refusal: said));
        }
    }

    private void Forget()
    {
        // Who leads next writes it anew.
        SinceWhole = (long.MaxValue / 2, 0);
        _leader = null;
        foreach (ILeaderDuty duty in duties)
        {
            duty.Forget();
        }
    }
}
