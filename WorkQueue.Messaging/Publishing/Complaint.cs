using System.Runtime.CompilerServices;

namespace WorkQueue.Messaging.Publishing;

/// <summary>What is said where a rule does not hold. Not written where it does, which is nearly always: each text would be more than the task itself.</summary>
[InterpolatedStringHandler]
internal ref struct Complaint
{
    private DefaultInterpolatedStringHandler _text;

    public Complaint(int literalLength, int formattedCount, bool holds, out bool isWritten)
    {
        isWritten = !holds;
        _text = holds ? default : new DefaultInterpolatedStringHandler(literalLength, formattedCount);
    }

    public void AppendLiteral(string text) => _text.AppendLiteral(text);

    public void AppendFormatted<T>(T value) => _text.AppendFormatted(value);

    public void AppendFormatted<T>(T value, string? format) => _text.AppendFormatted(value, format);

    public string Text() => _text.ToStringAndClear();
}
