using System.Runtime.CompilerServices;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.History;

/// <summary>The history as records.</summary>
internal sealed class TaskHistory(StreamFollower streams, TaskTopology topology, TimeProvider clock) : ITaskHistory
{
    private static readonly TimeSpan ReadLimit = TimeSpan.FromSeconds(10);

    public async IAsyncEnumerable<IReadOnlyList<HistoryRecord>> FollowAsync(long? from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        await foreach (IReadOnlyList<StreamMessage> group in streams.FollowAsync(topology.History.Stream, from, cancellationToken))
        {
            List<HistoryRecord> records = Read(group);
            // Empty says that there is nothing more, which messages that are no records do not.
            if (records.Count > 0 || group.Count == 0)
            {
                yield return records;
            }
        }
    }

    public async Task<IReadOnlyList<HistoryRecord>> ReadAsync(IReadOnlyCollection<long> offsets, CancellationToken cancellationToken) =>
        Read(await ReadAsync(token => streams.ReadAsync(topology.History.Stream, offsets, token), cancellationToken));

    public async Task<long?> FindEndAsync(CancellationToken cancellationToken) =>
        await ReadAsync(token => streams.ReadEndAsync(topology.History.Stream, token), cancellationToken) is [.., var last] ? last.Offset : null;

    private async Task<IReadOnlyList<StreamMessage>> ReadAsync(Func<CancellationToken, Task<IReadOnlyList<StreamMessage>>> read, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        try
        {
            return await read(limit.Token).WaitAsync(ReadLimit, clock, cancellationToken);
        }
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
        {
            await limit.CancelAsync();
            throw new BrokerUnavailableException($"the history cannot be read: {failure.Message}", failure);
        }
    }

    private List<HistoryRecord> Read(IReadOnlyList<StreamMessage> messages)
    {
        List<HistoryRecord> records = new(messages.Count);
        foreach (StreamMessage message in messages)
        {
            if (EventCodec.Read(message, topology) is { } record)
            {
                records.Add(record);
            }
        }

        return records;
    }
}
