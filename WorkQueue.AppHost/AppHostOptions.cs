using System.ComponentModel.DataAnnotations;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Configuration.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Hosting;

namespace WorkQueue.AppHost;

internal enum BrokerMode
{
    Auto,
    Container,
    Local,
    External,
}

/// <summary>The AppHost's own settings: from the command line, the environment or appsettings.json, the first of them that has a value.</summary>
internal sealed class AppHostOptions
{
    private const string Allowed =
        "Settings: Workers (1 to 100), Worker:Concurrency (1 to 1024), Broker:Mode (auto, container, local, external), Broker:Image, Broker:Tag, Broker:Persist (true or false), Broker:StartLimit (00:00:05 to 01:00:00); "
        + "ConnectionStrings:rabbitmq and WorkQueue:… besides.";

    // Read by .NET, by Aspire or, forwarded, by the producer and the workers.
    private static readonly string[] ForeignPrefixes =
        ["WorkQueue:", "ConnectionStrings:", "Parameters:", "Logging:", "AppHost:", "Dashboard:", "DcpPublisher:", "dcp-", "Aspire", "ASPNETCORE_", "DOTNET_", "OTEL_", "environment", "contentRoot", "applicationName", "urls"];

    private static readonly string[] Sections = ["Worker", "Broker"];

    private static readonly string[] Keys =
        [.. typeof(AppHostOptions).GetProperties().Select(property => property.GetCustomAttribute<ConfigurationKeyNameAttribute>()?.Name ?? property.Name)];

    [Range(1, 100)]
    public int Workers { get; set; } = 2;

    [ConfigurationKeyName("Worker:Concurrency")]
    [Display(Name = "Worker:Concurrency")]
    [Range(1, 1024)]
    public int? WorkerConcurrency { get; set; }

    [ConfigurationKeyName("Broker:Mode")]
    [Display(Name = "Broker:Mode")]
    [EnumDataType(typeof(BrokerMode))]
    public BrokerMode BrokerMode { get; set; }

    [ConfigurationKeyName("Broker:Image")]
    public string? BrokerImage { get; set; }

    [ConfigurationKeyName("Broker:Tag")]
    public string? BrokerTag { get; set; }

    [ConfigurationKeyName("Broker:Persist")]
    public bool BrokerPersist { get; set; }

    /// <summary>How long a broker in a container may run before it lets somebody log in.</summary>
    [ConfigurationKeyName("Broker:StartLimit")]
    [Display(Name = "Broker:StartLimit")]
    [Range(typeof(TimeSpan), "00:00:05", "01:00:00")]
    public TimeSpan BrokerStartLimit { get; set; } = TimeSpan.FromMinutes(2);

    /// <summary>Reads the settings.</summary>
    /// <exception cref="SettingException">A key is unknown, or its value is not allowed.</exception>
    public static AppHostOptions Read(IDistributedApplicationBuilder builder, string[] arguments)
    {
        // The host looks for it in the current folder, and the AppHost may be started from any.
        JsonConfigurationSource own = new() { Path = Path.Combine(builder.AppHostDirectory, "appsettings.json"), Optional = true };
        own.ResolveFileProvider();
        builder.Configuration.Sources.Insert(0, own);
        // Read in Development alone otherwise, but written in every environment: a run in another would make new passwords each time, and lose the old.
        builder.Configuration.Sources.Insert(1, new ConfigurationBuilder().AddUserSecrets(typeof(AppHostOptions).Assembly).Sources.Single());
        if (builder.ExecutionContext.IsRunMode)
        {
            CheckKeys(builder.Configuration, arguments);
        }

        try
        {
            AppHostOptions options = builder.Configuration.Get<AppHostOptions>() ?? new AppHostOptions();
            Validator.ValidateObject(options, new ValidationContext(options), validateAllProperties: true);
            CheckQueue(builder.Configuration);
            return options;
        }
        catch (OptionsValidationException misfit)
        {
            throw new SettingException(misfit.Message);
        }
        catch (Exception misfit) when (misfit is ValidationException or InvalidOperationException)
        {
            throw new SettingException($"{misfit.Message} {Allowed}");
        }
    }

    // What producer and workers are told, they would refuse too, but on pages of the dashboard.
    private static void CheckQueue(ConfigurationManager configuration)
    {
        WorkQueueOptions queue = new();
        SettingsReader.Read(queue, configuration);
        if (new WorkQueueOptionsValidator().Validate(null, queue) is { Failed: true } invalid)
        {
            throw new OptionsValidationException(WorkQueueOptions.Section, typeof(WorkQueueOptions), invalid.Failures);
        }
    }

    // The binder passes over keys it does not know, and the command line over arguments that are no "--Key=value".
    private static void CheckKeys(ConfigurationManager configuration, string[] arguments)
    {
        IEnumerable<string> sections = Sections.SelectMany(section => configuration.GetSection(section).GetChildren()).Select(child => child.Path);
        IEnumerable<string> given = new ConfigurationBuilder().AddCommandLine(arguments).Build().AsEnumerable().Where(entry => entry.Value is not null).Select(entry => entry.Key);
        string? unknown = sections.Concat(given).FirstOrDefault(key => !IsKnown(key));
        if (unknown is not null)
        {
            throw new SettingException($"Unknown setting '{unknown}'; did you mean '{Keys.MaxBy(key => Math.Max(SharedStart(key, unknown), SharedStart(key.Split(':')[^1], unknown)))}'? {Allowed}");
        }

        string? stray = arguments.Where((argument, i) =>
            !argument.Contains('=', StringComparison.Ordinal) && (IsName(argument) ? i == arguments.Length - 1 : i == 0 || !IsName(arguments[i - 1]))).FirstOrDefault();
        if (stray is not null)
        {
            throw new SettingException($"'{stray}' has no value: write --Key=value. {Allowed}");
        }
    }

    private static bool IsName(string argument) => argument.StartsWith("--", StringComparison.Ordinal) && !argument.Contains('=', StringComparison.Ordinal);

    private static bool IsKnown(string key) =>
        Keys.Contains(key, StringComparer.OrdinalIgnoreCase) || ForeignPrefixes.Any(prefix => key.StartsWith(prefix, StringComparison.OrdinalIgnoreCase));

    private static int SharedStart(string one, string other) =>
        one.Zip(other).TakeWhile(pair => char.ToUpperInvariant(pair.First) == char.ToUpperInvariant(pair.Second)).Count();
}

/// <summary>What stops the start. The message is one line that says what is wrong and what to do.</summary>
internal sealed class SettingException(string message) : DistributedApplicationException(message);
