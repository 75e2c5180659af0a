using System.Collections;
using System.Globalization;
using System.Reflection;
using System.Text.RegularExpressions;
using WorkQueue.Board;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.Messaging;
using WorkQueue.Worker.Handlers;

namespace WorkQueue.Tests.Unit;

/// <summary>The code in the documentation is the code that is compiled and run here.</summary>
public sealed partial class DocumentationTests
{
    internal static readonly string Root = FindRoot();

    [Fact]
    public void Every_snippet_of_the_documents_is_the_compiled_code_of_its_name()
    {
        Dictionary<string, string> compiled = Directory.GetFiles(Path.Combine(Root, "WorkQueue.Tests", "Snippets"), "*.cs")
            .SelectMany(file => Compiled().Matches(File.ReadAllText(file)))
            .ToDictionary(match => match.Groups["name"].Value, match => Unindent(match.Groups["code"].Value), StringComparer.Ordinal);
        Dictionary<string, string> shown = ((string[])["README.md", "docs/patterns.md", "docs/operations.md", "docs/testing.md", "docs/handlers.md", "docs/schedules.md", "docs/unique.md", "docs/workflows.md", "docs/flow.md", "docs/outbox.md", "docs/upgrade.md", "docs/scaling.md"])
            .SelectMany(document => Shown().Matches(File.ReadAllText(Path.Combine(Root, document))))
            .ToDictionary(match => match.Groups["name"].Value, match => match.Groups["code"].Value.TrimEnd(), StringComparer.Ordinal);
        Assert.NotEmpty(shown);
        Assert.All(shown, snippet => Assert.Equal(compiled.GetValueOrDefault(snippet.Key), snippet.Value));
        Assert.Equal(compiled.Keys.Order(), shown.Keys.Order());
    }

    [Theory]
    [InlineData("", typeof(WorkQueueOptions))]
    [InlineData("Worker:", typeof(WorkerOptions))]
    [InlineData("Types:<type>:", typeof(TaskTypeOptions))]
    [InlineData("Queues:<queue>:", typeof(QueueOptions))]
    [InlineData("Retry:", typeof(RetryOptions))]
    [InlineData("Tls:", typeof(TlsOptions))]
    [InlineData("Board:", typeof(TaskBoardOptions))]
    [InlineData("Images:", typeof(ResizeImageOptions))]
    [InlineData("Webhooks:", typeof(WebhookOptions))]
    [InlineData("Outbox:", typeof(TaskOutboxOptions), "outbox.md")]
    public void Every_setting_is_documented_with_its_default(string section, Type options, string name = "settings.md")
    {
        string document = File.ReadAllText(Path.Combine(Root, "docs", name));
        object defaults = Activator.CreateInstance(options)!;
        foreach (PropertyInfo setting in options.GetProperties().Where(setting => !IsSection(setting.PropertyType)))
        {
            Assert.Contains($"| `{section}{setting.Name}` | {Written(setting.GetValue(defaults))} |", document, StringComparison.Ordinal);
        }

        static bool IsSection(Type type) => type.IsAssignableTo(typeof(IDictionary)) || type == typeof(WorkerOptions) || type == typeof(RetryOptions) || type == typeof(TlsOptions);

        static string Written(object? value) => value switch
        {
            null or "" => "none",
            string text => $"`{text}`",
            IEnumerable many => string.Join(", ", many.Cast<object>().Select(Written)) is { Length: > 0 } all ? all : "none",
            _ => $"`{Convert.ToString(value, CultureInfo.InvariantCulture)}`",
        };
    }

    [Fact]
    public void Every_file_the_documents_link_to_exists()
    {
        string[] documents = [.. Directory.GetFiles(Root, "*.md"), .. Directory.GetFiles(Path.Combine(Root, "docs"), "*.md", SearchOption.AllDirectories)];
        string[] broken = [.. documents.SelectMany(document => Link().Matches(File.ReadAllText(document))
            .Select(match => match.Groups["target"].Value.Split('#')[0])
            .Where(target => target.Length > 0 && !target.Contains("://", StringComparison.Ordinal))
            .Where(target => !Path.Exists(Path.Combine(Path.GetDirectoryName(document)!, target)))
            .Select(target => $"{Path.GetRelativePath(Root, document)}: {target}"))];
        Assert.Equal([], broken);
    }

    [Fact]
    public void Every_line_the_documents_point_to_declares_what_they_call_it()
    {
        string folder = Path.Combine(Root, "docs");
        Match[] links = [.. Directory.GetFiles(folder, "*.md").SelectMany(document => LineLink().Matches(File.ReadAllText(document)))];
        Assert.NotEmpty(links);
        Assert.All(links, link =>
        {
            string line = File.ReadAllLines(Path.Combine(folder, link.Groups["file"].Value))[int.Parse(link.Groups["line"].Value, CultureInfo.InvariantCulture) - 1];
            Assert.Equal(link.Groups["type"].Value, Path.GetFileNameWithoutExtension(link.Groups["file"].Value));
            Assert.Matches($@"^\s+(public|protected|internal|private)\b.*\b{link.Groups["member"].Value}\b", line);
        });
    }

    private static string Unindent(string code)
    {
        string[] lines = code.TrimEnd().Split('\n');
        int indent = lines.Where(line => line.Trim().Length > 0).Min(line => line.Length - line.TrimStart().Length);
        return string.Join('\n', lines.Select(line => line.Length >= indent ? line[indent..] : line));
    }

    private static string FindRoot()
    {
        DirectoryInfo? folder = new(AppContext.BaseDirectory);
        while (folder is not null && !File.Exists(Path.Combine(folder.FullName, "WorkQueue.sln")))
        {
            folder = folder.Parent;
        }

        return folder?.FullName ?? throw new InvalidOperationException("The tests do not run from within the repository.");
    }

    [GeneratedRegex(@"// begin-snippet: (?<name>\S+)\n(?<code>.*?)\n *// end-snippet", RegexOptions.Singleline)]
    private static partial Regex Compiled();

    [GeneratedRegex(@"<!-- snippet: (?<name>\S+) -->\n```csharp\n(?<code>.*?)\n```", RegexOptions.Singleline)]
    private static partial Regex Shown();

    [GeneratedRegex(@"\[`(?<type>\w+)\.(?<member>\w+)`\]\((?<file>[^)#]+)#L(?<line>\d+)\)")]
    private static partial Regex LineLink();

    [GeneratedRegex(@"\]\((?<target>[^)\s]+)\)")]
    private static partial Regex Link();
}
