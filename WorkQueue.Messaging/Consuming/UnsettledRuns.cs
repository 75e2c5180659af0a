using System.Security.Cryptography;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Counts how often a task ran in this process and could not be settled, though the process lives and its connection does: what follows the run failed,
/// or the broker took it back for its age. Nobody else counts these: a classic queue counts nothing, and elsewhere a worker that lives is no death.
/// </summary>
internal sealed class UnsettledRuns(TimeProvider clock)
{
    // So many tasks one after the other, and none settled between them: it is not the tasks.
    private const int MostInARow = 5;

    private static readonly TimeSpan OneOfItsLike = TimeSpan.FromSeconds(1);

    private readonly BoundedCounts _counts = new(10_000);
    private readonly HashSet<string> _inARow = new(StringComparer.Ordinal);
    private string? _reason;
    private long _unknownAt;

    /// <summary>Says that no task at all can be settled here.</summary>
    public string? Problem
    {
        get
        {
            lock (_inARow)
            {
                return _inARow.Count >= MostInARow ? $"no task can be settled after its run: {_reason}" : null;
            }
        }
    }

    /// <summary>One more; not where none can be settled.</summary>
    public void Add(TaskDelivery delivery, string reason)
    {
        string key = KeyOf(delivery);
        lock (_inARow)
        {
            _reason = reason;
            if (_inARow.Count < MostInARow)
            {
                _inARow.Add(key);
            }

            // Of those without an id several may be alike, and run at once.
            bool isAlike = !delivery.HasId && _unknownAt != 0 && clock.GetElapsedTime(_unknownAt) < OneOfItsLike;
            if (_inARow.Count >= MostInARow || isAlike)
            {
                return;
            }

            _unknownAt = delivery.HasId ? _unknownAt : clock.GetTimestamp();
        }

        _counts.Add(key, 1);
    }

    /// <summary>It was settled: after a run that came to an end its count is none.</summary>
    public void Settled(TaskDelivery delivery, Disposition disposition)
    {
        if (delivery.Ran == TimeSpan.Zero || disposition is Disposition.Requeue)
        {
            return;
        }

        if (!_counts.IsEmpty)
        {
            _counts.Remove(KeyOf(delivery));
        }

        // Nearly always there is none, and the slots need not wait for one another to see so.
        if (_inARow.Count > 0)
        {
            lock (_inARow)
            {
                _inARow.Clear();
            }
        }
    }

    /// <summary>How many of it there were.</summary>
    public int Of(TaskDelivery delivery) => _counts.IsEmpty ? 0 : _counts.Of(KeyOf(delivery));

    // Not by how often it went back: that may be what each of its runs ends in. One without an id comes again under another: it is known by what it holds.
    private static string KeyOf(TaskDelivery delivery) => delivery.HasId
        ? $"{delivery.Delivered.Queue} {delivery.Delivered.Id} {delivery.Delivered.Redriven}.{delivery.Delivered.Attempt}"
        : $"{delivery.Delivered.Queue} {delivery.Delivered.Type} {Convert.ToHexString(SHA256.HashData(delivery.Delivered.Body.Span))}";
}
