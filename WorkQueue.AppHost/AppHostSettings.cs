using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;

namespace WorkQueue.AppHost;

internal enum BrokerMode
{
    Auto,
    Container,
    Local,
    External,
}

/// <summary>The AppHost's own settings: from the command line, the environment or appsettings.json, the first of them that has a value.</summary>
internal sealed record AppHostSettings(int Workers, int? WorkerConcurrency, BrokerMode BrokerMode, string? BrokerImage, string? BrokerTag, bool BrokerPersist)
{
    private const string WorkersKey = "Workers";
    private const string ConcurrencyKey = "Worker:Concurrency";
    public const string ModeKey = "Broker:Mode";
    public const string ImageKey = "Broker:Image";
    public const string TagKey = "Broker:Tag";
    public const string PersistKey = "Broker:Persist";
    public const string ConnectionStringKey = "ConnectionStrings:rabbitmq";

    private static readonly string[] OwnKeys = [WorkersKey, ConcurrencyKey, ModeKey, ImageKey, TagKey, PersistKey];
    private static readonly string[] OwnSections = ["Worker", "Broker"];

    // Read by .NET's host, by Aspire or, forwarded, by the producer and the workers.
    private static readonly string[] ForeignSections =
        ["WorkQueue", "ConnectionStrings", "Logging", "Parameters", "AppHost", "Aspire", "Dashboard", "DcpPublisher", "Publishing", "Pipeline"];

    private static readonly string[] ForeignKeys =
        ["environment", "contentRoot", "applicationName", "urls", "operation", "publisher", "step", "list-steps", "output-path", "log-level", "include-exception-details", "clear-cache", "yes"];

    private static readonly string[] ForeignPrefixes = ["ASPIRE_", "ASPNETCORE_", "DOTNET_", "OTEL_", "dcp-"];

    /// <summary>Refuses command-line arguments that no setting would come of: the configuration itself passes over them in silence.</summary>
    public static void CheckArguments(IReadOnlyList<string> arguments)
    {
        for (int i = 0; i < arguments.Count; i++)
        {
            string name = arguments[i].StartsWith("--", StringComparison.Ordinal) ? arguments[i][2..] : arguments[i].TrimStart('/');
            int equals = name.IndexOf('=', StringComparison.Ordinal);
            string key = equals < 0 ? name : name[..equals];
            if (equals < 0 && name == arguments[i])
            {
                throw new SettingException($"'{name}' is not a setting: write --Key=value. {KnownKeys}");
            }

            bool own = OwnKeys.Contains(key, StringComparer.OrdinalIgnoreCase);
            if (!own && !IsForeign(key))
            {
                throw Unknown(key);
            }

            // "--Key value" takes two arguments.
            if (equals < 0 && ++i == arguments.Count && own)
            {
                throw new SettingException($"{key} has no value: write --{key}=value.");
            }
        }
    }

    public static AppHostSettings Read(IDistributedApplicationBuilder builder)
    {
        ConfigurationManager configuration = builder.Configuration;
        AddOwnAppSettings(builder);
        foreach (IConfigurationSection unknown in OwnSections
            .SelectMany(section => configuration.GetSection(section).GetChildren())
            .Where(child => !OwnKeys.Contains(child.Path, StringComparer.OrdinalIgnoreCase)))
        {
            throw Unknown(unknown.Path);
        }

        return new AppHostSettings(
            WholeNumber(configuration, WorkersKey, 1, 100) ?? 2,
            WholeNumber(configuration, ConcurrencyKey, 1, 1024),
            OneOf<BrokerMode>(configuration, ModeKey) ?? BrokerMode.Auto,
            Text(configuration, ImageKey),
            Text(configuration, TagKey),
            TrueOrFalse(configuration, PersistKey) ?? false);
    }

    // The host looks for appsettings.json in the current folder, and the AppHost may be started from any.
    private static void AddOwnAppSettings(IDistributedApplicationBuilder builder)
    {
        JsonConfigurationSource own = new() { Path = Path.Combine(builder.AppHostDirectory, "appsettings.json"), Optional = true };
        own.ResolveFileProvider();
        builder.Configuration.Sources.Insert(0, own);
    }

    private static string KnownKeys => $"Known: {string.Join(", ", OwnKeys)}, {ConnectionStringKey} and WorkQueue:….";

    private static bool IsForeign(string key) =>
        ForeignKeys.Contains(key, StringComparer.OrdinalIgnoreCase)
        || ForeignPrefixes.Any(prefix => key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase))
        || ForeignSections.Any(section => key.StartsWith(section + ':', StringComparison.OrdinalIgnoreCase));

    private static SettingException Unknown(string key) =>
        new($"Unknown setting '{key}'; did you mean '{OwnKeys.MinBy(known => Distance(known, key))}'? {KnownKeys}");

    private static string? Text(ConfigurationManager configuration, string key) =>
        configuration[key] is { } value && !string.IsNullOrWhiteSpace(value) ? value.Trim() : null;

    private static int? WholeNumber(ConfigurationManager configuration, string key, int least, int most) =>
        Text(configuration, key) is not { } text ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number >= least && number <= most ? number
        : throw NotAllowed(key, text, $"a whole number from {least} to {most}");

    private static bool? TrueOrFalse(ConfigurationManager configuration, string key) =>
        Text(configuration, key) is not { } text ? null
        : bool.TryParse(text, out bool value) ? value
        : throw NotAllowed(key, text, "true or false");

    private static T? OneOf<T>(ConfigurationManager configuration, string key)
        where T : struct, Enum
    {
        if (Text(configuration, key) is not { } text)
        {
            return null;
        }

        // By name only: Enum.Parse would take numbers too.
        string[] names = Enum.GetNames<T>();
        string? name = names.FirstOrDefault(name => name.Equals(text, StringComparison.OrdinalIgnoreCase));
        return name is not null ? Enum.Parse<T>(name) : throw NotAllowed(key, text, $"one of {string.Join(", ", names).ToLowerInvariant()}");
    }

    private static SettingException NotAllowed(string key, string value, string allowed) => new($"{key} is '{value}'; allowed: {allowed}.");

    /// <summary>Levenshtein's distance: how many letters to insert, delete or replace.</summary>
    private static int Distance(string left, string right)
    {
        int[] previous = [.. Enumerable.Range(0, right.Length + 1)];
        for (int i = 1; i <= left.Length; i++)
        {
            int[] current = new int[right.Length + 1];
            current[0] = i;
            for (int j = 1; j <= right.Length; j++)
            {
                int replaced = previous[j - 1] + (char.ToUpperInvariant(left[i - 1]) == char.ToUpperInvariant(right[j - 1]) ? 0 : 1);
                current[j] = Math.Min(replaced, Math.Min(previous[j], current[j - 1]) + 1);
            }

            previous = current;
        }

        return previous[right.Length];
    }
}
