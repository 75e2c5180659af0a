namespace WorkQueue.Messaging.Publishing;

/// <summary>
/// The publishes on a channel that the broker has yet to answer, by number: it counts them from 1, and answers one, or all up to one. They are numbered
/// before they are written, one after the other in their order.
/// </summary>
internal sealed class UnansweredPublishes
{
    private readonly Lock _lock = new();
    private readonly Dictionary<ulong, PendingPublish> _pending = [];
    private readonly Queue<PendingPublish> _unwritten = [];
    private bool _isWriting;
    private ulong _last;
    private ulong _answeredTo;

    /// <summary>How long the oldest has been waiting.</summary>
    public TimeSpan Oldest
    {
        get
        {
            lock (_lock)
            {
                return _pending.Values.Select(publish => publish.Age).DefaultIfEmpty().Max();
            }
        }
    }

    /// <summary>Adds the next one.</summary>
    /// <returns>True if nobody writes: then the caller does, as long as <see cref="NextToWrite"/> has one.</returns>
    public bool Add(PendingPublish publish)
    {
        lock (_lock)
        {
            _pending.Add(++_last, publish);
            _unwritten.Enqueue(publish);
            return !_isWriting && (_isWriting = true);
        }
    }

    /// <summary>The next one to write; with none the writing has ended.</summary>
    public PendingPublish? NextToWrite()
    {
        lock (_lock)
        {
            _isWriting = _unwritten.TryDequeue(out PendingPublish? publish);
            return publish;
        }
    }

    /// <summary>Takes out what is answered. What is not there was answered before.</summary>
    /// <param name="number">The number.</param>
    /// <param name="andAllBefore">Whether the answer is for all up to it.</param>
    /// <param name="answered">Where they are put.</param>
    public void TakeAnswered(ulong number, bool andAllBefore, List<PendingPublish> answered)
    {
        lock (_lock)
        {
            if (!andAllBefore)
            {
                Take(number, answered);
                return;
            }

            while (_answeredTo < Math.Min(number, _last))
            {
                Take(++_answeredTo, answered);
            }
        }
    }

    /// <summary>Takes out all of a kind.</summary>
    public List<PendingPublish> TakeAll(Func<PendingPublish, bool> which)
    {
        List<PendingPublish> taken = [];
        lock (_lock)
        {
            foreach (ulong number in _pending.Where(pair => which(pair.Value)).Select(pair => pair.Key).ToArray())
            {
                Take(number, taken);
            }
        }

        return taken;
    }

    /// <summary>Those whose callers still wait.</summary>
    public PendingPublish[] Awaited()
    {
        lock (_lock)
        {
            return [.. _pending.Values.Where(publish => !publish.Task.IsCompleted)];
        }
    }

    private void Take(ulong number, List<PendingPublish> taken)
    {
        if (_pending.Remove(number, out PendingPublish? publish))
        {
            taken.Add(publish);
            _answeredTo = _pending.Count == 0 ? _last : _answeredTo;
        }
    }
}
