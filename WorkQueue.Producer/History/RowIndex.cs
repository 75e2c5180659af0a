namespace WorkQueue.Producer.History;

/// <summary>The rows by id and in the order they appeared, in blocks, so that what is dropped gives its room back.</summary>
internal sealed class RowIndex
{
    public const int BlockSize = 1024;

    private readonly Dictionary<TaskKey, TaskRow> _rows = [];
    private readonly List<Block?> _blocks = [];
    private long _end;
    private long _lastSequence = -1;

    public int Count => _rows.Count;

    /// <summary>The position after the newest row.</summary>
    public long End => _end;

    public TaskRow? Find(TaskKey key) => _rows.GetValueOrDefault(key);

    public TaskRow Add(TaskKey key, long offset)
    {
        // Ascending whatever the offsets are: pages are found by it.
        _lastSequence = Math.Max(offset, _lastSequence + 1);
        TaskRow row = new(key, _end, _lastSequence);
        if (_end % BlockSize == 0)
        {
            _blocks.Add(new Block(_lastSequence));
        }

        Block block = _blocks[^1] ??= new Block(_lastSequence);
        block.Rows[_end++ % BlockSize] = row;
        block.Count++;
        _rows.Add(key, row);
        return row;
    }

    public void Remove(TaskRow row)
    {
        row.IsGone = true;
        _rows.Remove(row.Key);
        int number = (int)(row.Position / BlockSize);
        Block block = _blocks[number]!;
        block.Rows[row.Position % BlockSize] = null;
        if (--block.Count == 0 && number < _blocks.Count - 1)
        {
            _blocks[number] = null;
        }
    }

    /// <summary>The rows of the block that ends before a position, the newest first, and where the block begins.</summary>
    public IEnumerable<TaskRow> Before(long position)
    {
        int number = (int)((position - 1) / BlockSize);
        if (_blocks[number] is not { } block)
        {
            yield break;
        }

        for (long at = position - 1; at >= StartOfBlockBefore(position); at--)
        {
            if (block.Rows[at % BlockSize] is { } row)
            {
                yield return row;
            }
        }
    }

    public static long StartOfBlockBefore(long position) => (position - 1) / BlockSize * BlockSize;

    /// <summary>The position before which all rows appeared earlier than a sequence.</summary>
    public long PositionOf(long sequence)
    {
        (int low, int high) = (0, _blocks.Count);
        while (low < high)
        {
            int middle = (low + high) / 2;
            // A block that is gone says nothing; the next one that is there does.
            int there = middle;
            while (there < high && _blocks[there] is null)
            {
                there++;
            }

            if (there < high && _blocks[there]!.FirstSequence < sequence)
            {
                low = there + 1;
            }
            else
            {
                high = middle;
            }
        }

        long position = Math.Min((long)low * BlockSize, _end);
        while (position > 0 && low > 0 && position > (low - 1L) * BlockSize && (_blocks[low - 1]?.Rows[(position - 1) % BlockSize] is not { } row || row.Sequence >= sequence))
        {
            position--;
        }

        return position;
    }

    private sealed class Block(long firstSequence)
    {
        public readonly long FirstSequence = firstSequence;
        public readonly TaskRow?[] Rows = new TaskRow?[BlockSize];
        public int Count;
    }
}
