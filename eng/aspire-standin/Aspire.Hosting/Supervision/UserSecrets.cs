using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration.UserSecrets;

namespace Aspire.Hosting.Supervision;

/// <summary>Keeps generated passwords, because a broker with a data volume goes on with the password it was created with.</summary>
internal static class UserSecrets
{
    public static string GetOrAdd(Assembly? appHost, string key, string value)
    {
        if (AppHostMetadata.UserSecretsId(appHost) is not { } id)
            return value;

        string file = PathHelper.GetSecretsPathFromSecretsId(id);
        FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            // The open file is also the lock between AppHosts that start at the same time.
            using FileStream stream = new(file, options);
            JsonObject secrets = stream.Length == 0 ? [] : JsonNode.Parse(stream)!.AsObject();
            if (secrets[key] is { } known)
                return known.ToString();

            secrets[key] = value;
            stream.SetLength(0);
            JsonSerializer.Serialize(stream, secrets);
            return value;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException)
        {
            return value;
        }
    }
}
