using System.Globalization;
using System.Text.Json;
using System.Text.Json.Serialization;

namespace WorkQueue.Board.ReadModel;

/// <summary>JSON as it comes from outside. Strict: a misspelt field is an error, not a default.</summary>
internal static class StrictJson
{
    private static readonly JsonSerializerOptions Options = new(JsonSerializerDefaults.Web)
    {
        PropertyNameCaseInsensitive = false,
        UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow,
        AllowDuplicateProperties = false,
        RespectNullableAnnotations = true,
        RespectRequiredConstructorParameters = true,
        Converters = { new TimeWithOffset() },
    };

    /// <summary>Reads it.</summary>
    /// <exception cref="BadHttpRequestException">It is not of this form.</exception>
    public static T Parse<T>(ReadOnlySpan<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(body, Options) ?? throw new JsonException("it is null");
        }
        catch (JsonException malformed)
        {
            throw new BadHttpRequestException($"The body is not what this call takes: {malformed.Message}", malformed);
        }
    }

    /// <summary>Times with their offset alone: one without would mean the zone of this machine, hours off and without a word.</summary>
    private sealed class TimeWithOffset : JsonConverter<DateTimeOffset>
    {
        public override DateTimeOffset Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options)
        {
            string text = reader.TokenType == JsonTokenType.String ? reader.GetString()! : throw new JsonException();
            bool isTime = DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeUniversal, out DateTimeOffset time);
            bool hasOffset = isTime && DateTime.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.RoundtripKind, out DateTime plain) && plain.Kind != DateTimeKind.Unspecified;
            return hasOffset ? time : throw new JsonException(isTime ? $"'{text}' has no offset: give one, as 2026-01-31T12:00:00Z or 2026-01-31T12:00:00+01:00." : $"'{text}' is no time of ISO 8601.");
        }

        public override void Write(Utf8JsonWriter writer, DateTimeOffset value, JsonSerializerOptions options) => writer.WriteStringValue(value);
    }
}
