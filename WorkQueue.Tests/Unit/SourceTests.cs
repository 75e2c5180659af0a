using System.Text.RegularExpressions;

namespace WorkQueue.Tests.Unit;

/// <summary>What a build does not see of the sources, and a tool takes a minute for.</summary>
public sealed partial class SourceTests
{
    [Fact]
    public void Usings_are_in_order_those_of_System_first()
    {
        string[] files = [.. Directory.GetFiles(DocumentationTests.Root, "*.cs", SearchOption.AllDirectories).Where(file => !Built().IsMatch(file))];
        Assert.True(files.Length > 500, $"{files.Length} files");
        Assert.All(files, file =>
        {
            string[] usings = [.. File.ReadLines(file).Where(line => Using().IsMatch(line))];
            Assert.Equal(usings.OrderBy(KeyOf, StringComparer.OrdinalIgnoreCase), usings);
        });
    }

    // Namespaces, then types, then other names; a point comes before all letters.
    private static string KeyOf(string line)
    {
        Match match = Using().Match(line);
        string name = match.Groups["alias"].Success ? match.Groups["alias"].Value : match.Groups["name"].Value;
        char kind = match.Groups["static"].Success ? '1' : match.Groups["alias"].Success ? '2' : '0';
        char first = name == "System" || name.StartsWith("System.", StringComparison.Ordinal) ? '0' : '1';
        return $"{kind}{first}{name.Replace('.', ' ')}";
    }

    [GeneratedRegex(@"^using (?<static>static )?((?<alias>\w+) = )?(?<name>[^(;]+);$")]
    private static partial Regex Using();

    [GeneratedRegex(@"[/\\](bin|obj|\.workqueue|\.git)[/\\]")]
    private static partial Regex Built();
}
