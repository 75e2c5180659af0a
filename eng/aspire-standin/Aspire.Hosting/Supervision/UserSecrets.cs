using System.Reflection;
using System.Text.Json;
using System.Text.Json.Nodes;
using Microsoft.Extensions.Configuration.UserSecrets;

namespace Aspire.Hosting.Supervision;

/// <summary>Keeps generated passwords, because a broker with a data volume goes on with the password it was created with.</summary>
internal sealed class UserSecrets(Assembly? appHost)
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true };

    public string GetOrSet(string key, Func<string> create)
    {
        if (AppHostMetadata.UserSecretsId(appHost) is not { } id)
            return create();

        string file = PathHelper.GetSecretsPathFromSecretsId(id);
        try
        {
            Directory.CreateDirectory(Path.GetDirectoryName(file)!);
            // The open file is also the lock between AppHosts that start at the same time.
            using FileStream stream = Open(file);
            JsonObject secrets = stream.Length == 0 ? [] : JsonNode.Parse(stream)!.AsObject();
            if (secrets[key] is { } known)
                return known.ToString();

            string created = create();
            secrets[key] = created;
            stream.SetLength(0);
            JsonSerializer.Serialize(stream, secrets, Indented);
            return created;
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException or JsonException)
        {
            return create();
        }
    }

    private static FileStream Open(string file)
    {
        FileStreamOptions options = new() { Mode = FileMode.OpenOrCreate, Access = FileAccess.ReadWrite, Share = FileShare.None };
        if (!OperatingSystem.IsWindows())
            options.UnixCreateMode = UnixFileMode.UserRead | UnixFileMode.UserWrite;

        return new(file, options);
    }
}
