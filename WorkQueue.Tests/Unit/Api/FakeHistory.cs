using System.Runtime.CompilerServices;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>A history in memory.</summary>
internal sealed class FakeHistory : ITaskHistory
{
    private readonly Lock _lock = new();
    private readonly List<HistoryRecord> _records = [];
    private int _reading;
    private TaskCompletionSource _more = new(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>What its end waits for: until then it is still being read.</summary>
    public Task End { get; set; } = Task.CompletedTask;

    /// <summary>Set: as under load there is always more to come, and no moment at which there is nothing.</summary>
    public bool IsNeverQuiet { get; init; }

    /// <summary>How often the end is told of a node that was away and has yet to read on.</summary>
    public int LooksBehind { get; set; }

    /// <summary>The most records that were being read again at one moment.</summary>
    public int MostReadAtOnce { get; private set; }

    /// <summary>From where it was read, each time.</summary>
    public List<long?> Followed { get; } = [];

    public void Add(params HistoryRecord[] records)
    {
        lock (_lock)
        {
            _records.AddRange(records);
            _more.SetResult();
            _more = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        }
    }

    /// <summary>As the broker drops the oldest part.</summary>
    public void Truncate(long before)
    {
        lock (_lock)
        {
            _records.RemoveAll(record => record.Offset < before);
        }
    }

    public async IAsyncEnumerable<IReadOnlyList<HistoryRecord>> FollowAsync(long? from, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Followed.Add(from);
        long next = from ?? 0;
        while (true)
        {
            HistoryRecord[] group;
            Task more;
            lock (_lock)
            {
                group = [.. _records.Where(record => record.Offset >= next)];
                more = _more.Task;
            }

            if (IsNeverQuiet && group.Length == 0)
            {
                await more.WaitAsync(cancellationToken);
                continue;
            }

            next = group.Length > 0 ? group[^1].Offset + 1 : next;
            await (group.Length == 0 ? End : Task.CompletedTask).WaitAsync(cancellationToken);
            yield return group;
            if (group.Length == 0)
            {
                // As the real one says again and again that there is nothing more.
                await more.WaitAsync(TimeSpan.FromMilliseconds(20), cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
                cancellationToken.ThrowIfCancellationRequested();
            }
        }
    }

    public async Task<long?> FindEndAsync(CancellationToken cancellationToken)
    {
        await Task.Yield();
        lock (_lock)
        {
            if (LooksBehind > 0)
            {
                LooksBehind--;
                return _records[0].Offset;
            }

            return _records.Count == 0 || !End.IsCompleted ? null : _records[^1].Offset;
        }
    }

    public async Task<IReadOnlyList<HistoryRecord>> ReadAsync(IReadOnlyCollection<long> offsets, CancellationToken cancellationToken)
    {
        lock (_lock)
        {
            _reading += offsets.Count;
            MostReadAtOnce = Math.Max(MostReadAtOnce, _reading);
        }

        // So that whoever reads several at once has all of them begun.
        await Task.Yield();
        lock (_lock)
        {
            _reading -= offsets.Count;
            return [.. _records.Where(record => offsets.Contains(record.Offset))];
        }
    }
}
