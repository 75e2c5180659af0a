using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace Aspire.Hosting.Supervision;

/// <summary>The launch profile of a project, as far as it concerns the environment and the endpoints.</summary>
internal sealed record LaunchProfiles(string Name, IReadOnlyDictionary<string, string> EnvironmentVariables, IReadOnlyList<Uri> ApplicationUrls)
{
    /// <summary>The AppHost's own profile is preferred in its projects; an empty list means any profile.</summary>
    public static string[] NameFor(IConfiguration configuration) => configuration["DOTNET_LAUNCH_PROFILE"] is { Length: > 0 } name ? [name] : [];

    public static LaunchProfiles? Read(string projectDirectory, string[] preferred)
    {
        string file = Path.Combine(projectDirectory, "Properties", "launchSettings.json");
        if (!File.Exists(file))
            return null;

        using JsonDocument settings = JsonDocument.Parse(File.ReadAllText(file), new() { CommentHandling = JsonCommentHandling.Skip, AllowTrailingCommas = true });
        if (!settings.RootElement.TryGetProperty("profiles", out JsonElement profiles))
            return null;

        JsonProperty[] candidates = [.. profiles.EnumerateObject().Where(profile => Text(profile.Value, "commandName") == "Project")];
        JsonProperty chosen = candidates.FirstOrDefault(profile => preferred.Contains(profile.Name), candidates.FirstOrDefault());
        return chosen.Value.ValueKind != JsonValueKind.Object ? null : new(
            chosen.Name,
            chosen.Value.TryGetProperty("environmentVariables", out JsonElement variables)
                ? variables.EnumerateObject().ToDictionary(variable => variable.Name, variable => variable.Value.ToString())
                : [],
            [.. (Text(chosen.Value, "applicationUrl") ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries).Select(url => new Uri(url))]);
    }

    private static string? Text(JsonElement element, string property) => element.TryGetProperty(property, out JsonElement value) ? value.ToString() : null;
}
