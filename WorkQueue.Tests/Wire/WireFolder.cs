using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Nodes;
using WorkQueue.Messaging;
using WorkQueue.Tests.Unit;

namespace WorkQueue.Tests.Wire;

/// <summary>The messages of one version, a file for each kind: <c>WorkQueue.Tests/Wire/&lt;version&gt;/&lt;kind&gt;.json</c>.</summary>
internal sealed class WireFolder(string version)
{
    private static readonly JsonSerializerOptions Form = new(JsonSerializerDefaults.Web) { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private static readonly string Root = Path.Combine(DocumentationTests.Root, "WorkQueue.Tests", "Wire");

    /// <summary>The version that is built, without what a build adds to it.</summary>
    public static string Present { get; } = typeof(ITaskQueue).Assembly.GetName().Version!.ToString(3);

    /// <summary>All that there are.</summary>
    public static IEnumerable<string> Versions => Directory.GetDirectories(Root).Select(folder => Path.GetFileName(folder)!).Order(StringComparer.Ordinal);

    private string Folder => Path.Combine(Root, version);

    public IReadOnlyList<string> Kinds => Directory.Exists(Folder) ? [.. Directory.GetFiles(Folder, "*.json").Select(file => Path.GetFileNameWithoutExtension(file)).Order(StringComparer.Ordinal)] : [];

    /// <summary>A message, and what was read from it when it was kept.</summary>
    public (WireMessage Message, JsonNode Read) Of(string kind)
    {
        WireFile file = JsonSerializer.Deserialize<WireFile>(File.ReadAllText(PathOf(kind)), Form)!;
        return (file.Message, file.Read);
    }

    /// <summary>Keeps a message.</summary>
    public void Keep(WireMessage message)
    {
        Directory.CreateDirectory(Folder);
        File.WriteAllText(PathOf(message.Kind), JsonSerializer.Serialize(new WireFile(message, WireForm.Read(message)), Form) + "\n");
    }

    private string PathOf(string kind) => Path.Combine(Folder, $"{kind}.json");

    private sealed record WireFile(WireMessage Message, JsonNode Read);
}
