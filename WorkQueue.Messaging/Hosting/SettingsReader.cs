using System.ComponentModel;
using System.Globalization;
using System.Reflection;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Options;

namespace WorkQueue.Messaging.Hosting;

/// <summary>
/// Reads the section <c>WorkQueue</c>, after a check of its own: .NET's binder drops an entry of a list or dictionary that it cannot
/// convert without a word, and a retry delay that is misspelt must not become "no retries".
/// </summary>
internal static class SettingsReader
{
    // Of the same section, but read by the producer or by handlers.
    private static readonly string[] OthersKeys = ["ApiKeys", "ManagementUrl", "Output", "Webhooks", "Board"];

    /// <summary>Reads the settings.</summary>
    /// <exception cref="OptionsValidationException">A key is unknown, or a value cannot be what the key needs.</exception>
    public static void Read(WorkQueueOptions options, IConfiguration section)
    {
        string[] problems = [.. ProblemsOf(section, typeof(WorkQueueOptions), WorkQueueOptions.Section, OthersKeys)];
        if (problems.Length > 0)
        {
            throw new OptionsValidationException(Options.DefaultName, typeof(WorkQueueOptions), problems);
        }

        section.Bind(options);
    }

    private static IEnumerable<string> ProblemsOf(IConfiguration section, Type type, string path, string[] foreign)
    {
        Dictionary<string, PropertyInfo> known = type.GetProperties(BindingFlags.Public | BindingFlags.Instance)
            .Where(property => property.CanWrite)
            .ToDictionary(property => property.Name, StringComparer.OrdinalIgnoreCase);
        foreach (IConfigurationSection child in section.GetChildren())
        {
            if (known.TryGetValue(child.Key, out PropertyInfo? property))
            {
                foreach (string problem in ProblemsOfValue(child, property.PropertyType, $"{path}:{property.Name}"))
                {
                    yield return problem;
                }
            }
            else if (!foreign.Contains(child.Key, StringComparer.OrdinalIgnoreCase))
            {
                yield return $"{path}:{child.Key} is no setting; allowed: {string.Join(", ", known.Keys.Order())}.";
            }
        }
    }

    private static IEnumerable<string> ProblemsOfValue(IConfigurationSection value, Type type, string path)
    {
        Type plain = Nullable.GetUnderlyingType(type) ?? type;
        if (plain.IsGenericType)
        {
            // A list or a dictionary: its last type argument is that of its entries.
            return value.GetChildren().SelectMany(entry => ProblemsOfValue(entry, plain.GetGenericArguments()[^1], $"{path}:{entry.Key}"));
        }

        if (plain.IsClass && plain != typeof(string))
        {
            return ProblemsOf(value, plain, path, []);
        }

        return value.Value is null || Converts(value.Value, plain) ? [] : [$"{path} is '{value.Value}'; allowed: {Kind(plain)}."];
    }

    private static bool Converts(string value, Type type)
    {
        if (type.IsEnum)
        {
            return Enum.GetNames(type).Contains(value, StringComparer.OrdinalIgnoreCase);
        }

        try
        {
            return TypeDescriptor.GetConverter(type).ConvertFromString(null, CultureInfo.InvariantCulture, value) is not null;
        }
        catch (Exception misfit) when (misfit is FormatException or ArgumentException or OverflowException)
        {
            return false;
        }
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
}
