namespace WorkQueue.Producer.History;

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

    public bool Contains(string part)
    {
        if (_text is not null)
        {
            return _text.Contains(part, StringComparison.OrdinalIgnoreCase);
        }

        Span<char> printed = stackalloc char[36];
        _uuid.TryFormat(printed, out _);
        return ((ReadOnlySpan<char>)printed).Contains(part, StringComparison.OrdinalIgnoreCase);
    }

    public bool Equals(TaskKey other) => _uuid == other._uuid && string.Equals(_text, other._text, StringComparison.Ordinal);

    public override int GetHashCode() => _text?.GetHashCode(StringComparison.Ordinal) ?? _uuid.GetHashCode();

    public override string ToString() => _text ?? _uuid.ToString();
}
