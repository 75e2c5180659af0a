using System.Text.Json;
using System.Text.Json.Serialization;
using WorkQueue.Messaging;

namespace WorkQueue.EntityFrameworkCore.Storage;

/// <summary>A new task to the JSON of its row and back.</summary>
internal static class TaskJson
{
    /// <summary>The version that is written. One more for whatever an earlier reader would misunderstand; what it does not know, it refuses.</summary>
    public const int Format = 1;

    public static string Write(NewTask task) => JsonSerializer.Serialize(task, TaskJsonContext.Default.NewTask);

    /// <exception cref="FormatException">It was written by a later version, or is damaged.</exception>
    public static NewTask Read(int format, string text)
    {
        if (format != Format)
        {
            throw new FormatException($"its format is {format}, and this program reads {Format}: a later version has written it");
        }

        try
        {
            return JsonSerializer.Deserialize(text, TaskJsonContext.Default.NewTask) ?? throw new FormatException("it is null");
        }
        catch (JsonException malformed)
        {
            throw new FormatException($"it cannot be read: {malformed.Message}", malformed);
        }
    }
}

/// <summary>How it is written. What results of a chain are nested in comes to the depth of a payload.</summary>
[JsonSourceGenerationOptions(
    PropertyNamingPolicy = JsonKnownNamingPolicy.CamelCase, DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull, UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
    UseStringEnumConverter = true, MaxDepth = 256)]
[JsonSerializable(typeof(NewTask))]
internal sealed partial class TaskJsonContext : JsonSerializerContext;
