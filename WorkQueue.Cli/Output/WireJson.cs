using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace WorkQueue.Cli.Output;

/// <summary>JSON as the producer speaks it and <c>--json</c> prints it.</summary>
internal static class WireJson
{
    // Letters of any language stay readable; control characters are escaped all the same.
    public static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        DefaultIgnoreCondition = JsonIgnoreCondition.WhenWritingNull,
        RespectNullableAnnotations = true,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    private static readonly JsonSerializerOptions Indented = new(Options) { WriteIndented = true };

    public static string Write<T>(T value) => JsonSerializer.Serialize(value, Options);

    /// <summary>For people.</summary>
    public static string WriteIndented(JsonElement value) => JsonSerializer.Serialize(value, Indented);

    /// <summary>Reads one JSON value of the command line.</summary>
    /// <exception cref="UsageException">It is none.</exception>
    public static JsonElement Parse(string json, string where)
    {
        try
        {
            return JsonSerializer.Deserialize<JsonElement>(json, Options);
        }
        catch (JsonException invalid)
        {
            throw new UsageException($"{where} is not JSON: {invalid.Message}");
        }
    }
}
