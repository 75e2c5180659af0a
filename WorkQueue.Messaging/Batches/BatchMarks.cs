using System.IO.Compression;

namespace WorkQueue.Messaging.Batches;

/// <summary>What became of each member of a batch, by its number.</summary>
internal sealed class BatchMarks
{
    private readonly int[] _counts = new int[Enum.GetValues<MemberMark>().Length];

    // Null where they do not matter any more.
    private byte[]? _marks = [];

    internal enum MemberMark : byte
    {
        Pending,
        Succeeded,
        DeadLettered,
        Cancelled,

        /// <summary>It was not enqueued after all: no member.</summary>
        Out,
    }

    /// <summary>Numbers that were given.</summary>
    public int Count { get; private set; }

    public int Total => Count - Of(MemberMark.Out);

    public int Pending => Of(MemberMark.Pending);

    public int Succeeded => Of(MemberMark.Succeeded);

    public int DeadLettered => Of(MemberMark.DeadLettered);

    public int Cancelled => Of(MemberMark.Cancelled);

    public IReadOnlyList<int> Counts => _counts;

    /// <summary>There are so many numbers.</summary>
    public void Grow(int count)
    {
        if (_marks is not null && count > Count && count <= BatchRecord.MostMembers)
        {
            if (count > _marks.Length)
            {
                Array.Resize(ref _marks, Math.Min(Math.Max(count, 2 * _marks.Length), BatchRecord.MostMembers));
            }

            _counts[(int)MemberMark.Pending] += count - Count;
            Count = count;
        }
    }

    /// <summary>Whether it would be another than before. The first success is final, and a dead letter that was redriven may succeed.</summary>
    public bool Changes(int number, MemberMark mark) => _marks is not null && number >= 0 && number < Count && ((MemberMark)_marks[number], mark) switch
    {
        (MemberMark.Succeeded or MemberMark.Out, _) => false,
        (MemberMark.Pending, _) => mark != MemberMark.Pending,
        (_, MemberMark.Succeeded) => true,
        (MemberMark.DeadLettered, MemberMark.Cancelled) => true,
        _ => false,
    };

    public void Set(IReadOnlyList<int>? numbers, MemberMark mark)
    {
        foreach (int number in numbers ?? [])
        {
            if (Changes(number, mark))
            {
                _counts[_marks![number]]--;
                _counts[(int)mark]++;
                _marks[number] = (byte)mark;
            }
        }
    }

    /// <summary>Whether any of some numbers has not ended.</summary>
    public bool ArePending(int first, int count) => _marks is not null && _marks.AsSpan(first, count).Contains((byte)MemberMark.Pending);

    /// <summary>The numbers of those with a mark.</summary>
    public IEnumerable<int> With(MemberMark mark) => Enumerable.Range(0, _marks is null ? 0 : Count).Where(number => _marks![number] == (byte)mark);

    public MemberMark? this[int number] => _marks is not null && number >= 0 && number < Count ? (MemberMark)_marks[number] : null;

    /// <summary>How many there are of each is known from here on, and not which.</summary>
    public void Forget() => _marks = null;

    public byte[]? Write()
    {
        if (_marks is null)
        {
            return null;
        }

        using MemoryStream written = new();
        using (DeflateStream deflate = new(written, CompressionLevel.Fastest))
        {
            deflate.Write(_marks, 0, Count);
        }

        return written.ToArray();
    }

    public static BatchMarks Read(int count, byte[]? written, IReadOnlyList<int> counts)
    {
        BatchMarks marks = new() { Count = count };
        for (int mark = 0; mark < marks._counts.Length; mark++)
        {
            marks._counts[mark] = counts[mark];
        }

        marks._marks = written is null ? null : new byte[count];
        if (written is not null)
        {
            using DeflateStream inflate = new(new MemoryStream(written), CompressionMode.Decompress);
            inflate.ReadExactly(marks._marks!, 0, count);
        }

        return marks;
    }

    private int Of(MemberMark mark) => _counts[(int)mark];
}
