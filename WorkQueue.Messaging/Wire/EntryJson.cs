using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WorkQueue.Messaging.Wire;

/// <summary>Reads what programs of this library tell each other.</summary>
internal static class EntryJson
{
    /// <summary>Reads it; null for what a later version may understand.</summary>
    public static T? Read<T>(ReadOnlyMemory<byte> body, JsonTypeInfo<T> type)
        where T : class
    {
        try
        {
            return JsonSerializer.Deserialize(body.Span, type);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
