using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WorkQueue.Messaging;

/// <summary>
/// How payloads and results are written and read as JSON. Change it by <c>services.Configure&lt;TaskJsonOptions&gt;(…)</c>, in producers and workers alike. For a
/// program that is trimmed or compiled ahead of time: <c>json.SerializerOptions.TypeInfoResolver = MyContext.Default</c>.
/// </summary>
public sealed class TaskJsonOptions
{
    /// <summary>The options of the serializer. Default: camelCase names, read without regard to case, numbers also from texts (<see cref="JsonSerializerDefaults.Web"/>).</summary>
    public JsonSerializerOptions SerializerOptions { get; } = new(JsonSerializerDefaults.Web)
    {
        TypeInfoResolver = JsonSerializer.IsReflectionEnabledByDefault ? ByReflection() : JsonTypeInfoResolver.Combine(),
    };

    [UnconditionalSuppressMessage("Trimming", "IL2026", Justification = "Where reflection is off, as it is by default in a trimmed program, it is not called.")]
    [UnconditionalSuppressMessage("AOT", "IL3050", Justification = "Where reflection is off, as it is by default in a program compiled ahead of time, it is not called.")]
    private static DefaultJsonTypeInfoResolver ByReflection() => new();
}
