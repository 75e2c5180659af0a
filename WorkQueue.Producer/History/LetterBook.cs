using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>A dead letter as the history tells of it; its payload is at the offset of its record.</summary>
internal sealed record LetterEntry(long Offset, string Id, string Type, string Queue, int Attempt, int Redriven, DateTimeOffset? EnqueuedAt, DateTimeOffset? DeadAt, ErrorText? Error)
{
    public bool Fits(DeadLetterFilter filter) => (filter.Queue is null || filter.Queue == Queue) && filter.Fits(Id, Type, Error?.Reason, Error?.Type, Error?.Text);
}

/// <summary>
/// The dead letters, each by its record: several may be of one task. A letter is there until it is redriven or discarded. Not safe for threads; bounded:
/// of more letters than fit, the newest are known.
/// </summary>
internal sealed class LetterBook
{
    // As many as a reader of the queue itself would look at.
    private const int Most = 100_000;
    private const int MaxText = 1000;

    // A redrive that fails does so soon after the record that took its letter.
    private const int MostTaken = 1000;

    private readonly LinkedList<LetterEntry> _letters = new();
    private readonly Dictionary<string, List<LinkedListNode<LetterEntry>>> _byId = new(StringComparer.Ordinal);
    private readonly LinkedList<LetterEntry> _taken = new();
    private readonly ErrorTexts _errors = new(MaxText, MaxText);
    private readonly Interned _names = new();

    /// <summary>All of them, in the order they died.</summary>
    public LetterEntry[] ToArray() => [.. _letters];

    public void Take(HistoryRecord record)
    {
        switch (record)
        {
            case { Kind: not HistoryKind.State }:
                break;
            case { State: TaskState.DeadLettered }:
                Add(record);
                break;
            // A redrive is attempt 1 of a higher count, the next unless one between was cancelled, and nobody had it before.
            case { State: TaskState.Queued, Redriven: > 0, Attempt: 1, Returned: 0, Worker: null }:
                if (!Remove(record.TaskId, letter => letter.Redriven == record.Redriven - 1))
                {
                    Remove(record.TaskId, letter => letter.Redriven < record.Redriven);
                }

                break;
            case { State: TaskState.Cancelled, Reason: IDeadLetters.Discarded }:
                Remove(record.TaskId, letter => letter.Redriven == record.Redriven);
                break;
            case { State: TaskState.Cancelled, Reason: IDeadLetters.NotRedriven }:
                PutBack(record);
                break;
        }
    }

    private void Add(HistoryRecord record)
    {
        Index(_letters.AddLast(new LetterEntry(
            record.Offset, record.TaskId, _names.Of(record.Type), _names.Of(record.Queue), record.Attempt, record.Redriven, record.EnqueuedAt, record.DeadAt,
            _errors.Take(record.Reason, record.ErrorType, record.Error))));
        if (_letters.Count > Most)
        {
            Remove(_letters.First!);
        }
    }

    private void Index(LinkedListNode<LetterEntry> node)
    {
        if (_byId.TryGetValue(node.Value.Id, out List<LinkedListNode<LetterEntry>>? same))
        {
            same.Add(node);
        }
        else
        {
            _byId.Add(node.Value.Id, [node]);
        }
    }

    // To its place among those that died before and after it.
    private void PutBack(HistoryRecord record)
    {
        LinkedListNode<LetterEntry>? taken = _taken.Last;
        while (taken is not null && (taken.Value.Id != record.TaskId || taken.Value.Redriven >= record.Redriven))
        {
            taken = taken.Previous;
        }

        // A younger one that is there died later, and it is that one whose redrive left no record to take it.
        if (taken is null || _byId.GetValueOrDefault(record.TaskId)?.Exists(node => node.Value.Redriven > taken.Value.Redriven) == true)
        {
            return;
        }

        _taken.Remove(taken);
        LetterEntry letter = taken.Value with { Error = _errors.Take(taken.Value.Error?.Reason, taken.Value.Error?.Type, taken.Value.Error?.Text) };
        LinkedListNode<LetterEntry>? before = _letters.Last;
        while (before is not null && before.Value.Offset > letter.Offset)
        {
            before = before.Previous;
        }

        Index(before is null ? _letters.AddFirst(letter) : _letters.AddAfter(before, letter));
    }

    // The oldest: a queue gives its letters in the order they came.
    private bool Remove(string id, Predicate<LetterEntry> fits)
    {
        LinkedListNode<LetterEntry>? node = _byId.GetValueOrDefault(id)?.Find(node => fits(node.Value));
        if (node is not null)
        {
            Remove(node);
        }

        return node is not null;
    }

    private void Remove(LinkedListNode<LetterEntry> node)
    {
        List<LinkedListNode<LetterEntry>> same = _byId[node.Value.Id];
        same.Remove(node);
        if (same.Count == 0)
        {
            _byId.Remove(node.Value.Id);
        }

        _errors.Release(node.Value.Error);
        _letters.Remove(node);
        _taken.AddLast(node.Value);
        if (_taken.Count > MostTaken)
        {
            _taken.RemoveFirst();
        }
    }
}
