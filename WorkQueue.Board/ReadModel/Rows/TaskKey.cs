namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>A task id: nearly all are UUIDs and take 16 bytes as such, the others are kept as they are.</summary>
internal readonly record struct TaskKey
{
    private readonly Guid _uuid;
    private readonly string? _text;

    private TaskKey(Guid uuid, string? text) => (_uuid, _text) = (uuid, text);

    public static TaskKey Of(string id)
    {
        // Only what is written the way a UUID is printed: ids are compared by their letters, upper case is another task.
        if (id.Length == 36 && Guid.TryParseExact(id, "D", out Guid uuid))
        {
            Span<char> printed = stackalloc char[36];
            uuid.TryFormat(printed, out _);
            if (printed.SequenceEqual(id))
            {
                return new TaskKey(uuid, null);
            }
        }

        return new TaskKey(Guid.Empty, id);
    }

    /// <summary>What <see cref="Stored"/> gave.</summary>
    public static TaskKey Of(object stored) => stored is byte[] uuid ? new TaskKey(new Guid(uuid, bigEndian: true), null) : new TaskKey(Guid.Empty, (string)stored);

    /// <summary>As it is stored: 16 bytes in the order they are printed, or the text.</summary>
    public object Stored => (object?)_text ?? _uuid.ToByteArray(bigEndian: true);

    public bool Equals(TaskKey other) => _uuid == other._uuid && string.Equals(_text, other._text, StringComparison.Ordinal);

    public override int GetHashCode() => _text?.GetHashCode(StringComparison.Ordinal) ?? _uuid.GetHashCode();

    public override string ToString() => _text ?? _uuid.ToString();
}
