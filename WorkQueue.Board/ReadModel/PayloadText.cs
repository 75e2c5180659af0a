using System.Text;
using System.Text.Json;

namespace WorkQueue.Board.ReadModel;

/// <summary>Payloads and results as the API shows them: JSON as JSON, everything else as text.</summary>
internal static class PayloadText
{
    /// <summary>The JSON; null for what is none, whatever it says: a payload may be dead just because of that.</summary>
    public static JsonElement? JsonOf(string? contentType, ReadOnlyMemory<byte> bytes)
    {
        try
        {
            return contentType == "application/json" && JsonSerializer.Deserialize<JsonElement>(bytes.Span) is var json && IsReadable(json) ? json : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    /// <summary>The JSON, or its text as a string where nobody could write it again.</summary>
    public static JsonElement Shown(JsonElement json) => IsReadable(json) ? json : JsonSerializer.SerializeToElement(json.GetRawText());

    /// <summary>Reads every string: half of a surrogate pair (\ud800) parses, and can be neither read nor written.</summary>
    /// <exception cref="JsonException">One cannot be read.</exception>
    public static void RequireReadable(JsonElement json)
    {
        if (json.GetRawText().Contains("\\u", StringComparison.Ordinal))
        {
            JsonSerializer.SerializeToUtf8Bytes(json);
        }
    }

    private static bool IsReadable(JsonElement json)
    {
        try
        {
            RequireReadable(json);
            return true;
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>The JSON of a result; null for none.</summary>
    public static JsonElement? JsonOf(ReadOnlyMemory<byte>? result) => result is { IsEmpty: false } bytes ? JsonOf("application/json", bytes) : null;

    public static string TextOf(ReadOnlyMemory<byte> bytes) => Encoding.UTF8.GetString(bytes.Span);
}
