using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Hosting;

/// <summary>
/// Reads the section <c>WorkQueue</c>, after a check of its own: .NET's binder drops an entry of a list or dictionary that it cannot
/// convert without a word, and a retry delay that is misspelt must not become "no retries".
/// </summary>
internal static class SettingsReader
{
    // Of the same section, but read by the producer, by handlers or by other libraries.
    private static readonly string[] OthersKeys = ["ApiKeys", "ManagementUrl", "Output", "Images", "Webhooks", "Board", "Outbox"];

    /// <summary>Reads the settings.</summary>
    /// <exception cref="OptionsValidationException">A value cannot be what its key needs, or the connection string is none.</exception>
    public static void Read(WorkQueueOptions options, IConfiguration? configuration)
    {
        if (configuration?.GetSection(WorkQueueOptions.Section) is not { } section)
        {
            return;
        }

        List<string> problems = [.. Findings(section).Where(finding => finding.IsWrong).Select(finding => finding.Text)];
        try
        {
            BrokerAddress.Of(configuration);
        }
        catch (FormatException misfit)
        {
            problems.Add(misfit.Message);
        }

        if (problems.Count > 0)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(WorkQueueOptions), problems);
        }

        section.Bind(options);
    }

    /// <summary>What is in the section and no setting of this library: of a program of its own, or misspelt.</summary>
    public static IEnumerable<string> UnknownIn(IConfiguration? configuration) => configuration is null ? []
        : Findings(configuration.GetSection(WorkQueueOptions.Section)).Where(finding => !finding.IsWrong).Select(finding => finding.Text);

    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicProperties, typeof(WorkQueueOptions))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicProperties, typeof(QueueOptions))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicProperties, typeof(TaskTypeOptions))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicProperties, typeof(ScheduleOptions))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicProperties, typeof(WorkerOptions))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicProperties, typeof(RetryOptions))]
    [DynamicDependency(DynamicallyAccessedMemberTypes.PublicProperties, typeof(TlsOptions))]
    private static IEnumerable<Finding> Findings(IConfiguration section) => Of(section, typeof(WorkQueueOptions), WorkQueueOptions.Section, OthersKeys);

    [UnconditionalSuppressMessage("Trimming", "IL2070", Justification = "Each class of settings is named above.")]
    private static IEnumerable<Finding> Of(IConfiguration section, Type type, string path, string[] foreign)
    {
        Dictionary<string, PropertyInfo> known = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.CanWrite)
            .ToDictionary(property => property.Name, StringComparer.OrdinalIgnoreCase);
        foreach (IConfigurationSection child in section.GetChildren())
        {
            if (known.TryGetValue(child.Key, out PropertyInfo? property))
            {
                foreach (Finding finding in OfValue(child, property.PropertyType, $"{path}:{property.Name}"))
                {
                    yield return finding;
                }
            }
            else if (!foreign.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
            {
                yield return new(false, Spelling.Nearest(child.Key, known.Keys) is { } nearest
                    ? $"{path}:{child.Key} is no setting; was {path}:{nearest} meant?"
                    : $"{path}:{child.Key} is no setting; there are {string.Join(", ", known.Keys.Order())}.");
            }
        }
    }

    private static IEnumerable<Finding> OfValue(IConfigurationSection value, Type type, string path)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        if (plain != typeof(string) && !plain.IsValueType && !string.IsNullOrEmpty(value.Value))
        {
            return [new(true, $"{path} is '{value.Value}', and has settings of its own: write {path}:<name or number>=…")];
        }

        if (plain.IsGenericType)
        {
            // A list or a dictionary: its last type argument is that of its entries.
            return value.GetChildren().SelectMany(entry => OfValue(entry, plain.GetGenericArguments()[^1], $"{path}:{entry.Key}"));
        }

        if (plain.IsClass && plain != typeof(string))
        {
            return Of(value, plain, path, []);
        }

        return value.Value is null || Converts(value.Value, plain) ? [] : [new(true, $"{path} is '{value.Value}'; allowed: {Kind(plain)}.")];
    }

    private static bool Converts(string value, Type type)
    {
        if (type.IsEnum)
        {
            return Enum.GetNames(type).Contains(value, StringComparer.OrdinalIgnoreCase);
        }

        CultureInfo invariant = CultureInfo.InvariantCulture;
        return type == typeof(string)
            || (type == typeof(TimeSpan) && TimeSpan.TryParse(value, invariant, out _))
            || (type == typeof(int) && int.TryParse(value, NumberStyles.Integer, invariant, out _))
            || (type == typeof(long) && long.TryParse(value, NumberStyles.Integer, invariant, out _))
            || (type == typeof(double) && double.TryParse(value, NumberStyles.Float, invariant, out _))
            || (type == typeof(bool) && bool.TryParse(value, out _));
    }

    private static string Kind(Type type) => type switch
    {
        { IsEnum: true } => string.Join(", ", Enum.GetNames(type)),
        _ when type == typeof(TimeSpan) => "a duration hh:mm:ss[.fff]",
        _ when type == typeof(int) || type == typeof(long) => "a whole number",
        _ when type == typeof(double) => "a number",
        _ when type == typeof(bool) => "true or false",
        _ => "a text",
    };

    private readonly record struct Finding(bool IsWrong, string Text);
}
