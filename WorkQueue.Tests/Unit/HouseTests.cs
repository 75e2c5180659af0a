using ArchUnitNET.Domain;
using ArchUnitNET.Fluent;
using ArchUnitNET.Fluent.Syntax.Elements.Types;
using ArchUnitNET.Loader;
using ArchUnitNET.xUnit;
using WorkQueue.Messaging;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace WorkQueue.Tests.Unit;

/// <summary>The library's folders, and which may know which.</summary>
public sealed class HouseTests
{
    // From top to bottom: a folder names types of the folders below it, and of none beside or above it.
    private const string Picture = """
        Hosting
        Consuming.Adaptive
        Consuming
        Calls · DeadLetters · Events · Monitoring
        Control
        History
        Streams
        Publishing · Unreadable
        Connections
        Wire
        Topology
        Diagnostics
        """;

    private const string Root = "WorkQueue.Messaging";

    // What users call to put it together: in the namespace of what they see, and no part of it.
    private static readonly string[] Entrances = [nameof(HostingExtensions), nameof(HandlerExtensions), nameof(TaskHandlerServices), nameof(QueuePolicies)];

    private static readonly string[][] Floors = [.. Picture.Split('\n').Select(floor => floor.Split('·', StringSplitOptions.TrimEntries))];

    private static readonly Architecture Library = new ArchLoader().LoadAssemblies(typeof(ITaskQueue).Assembly).Build();

    public static TheoryData<string> Folders => new(Floors.SelectMany(floor => floor));

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_knows_only_those_below_it(string folder)
    {
        string[] others = [.. Floors.TakeWhile(floor => !floor.Contains(folder)).Append(Floors.First(floor => floor.Contains(folder))).SelectMany(floor => floor).Where(other => other != folder)];
        Assert.NotEmpty(TypesIn(folder).GetObjects(Library));
        foreach (string other in others)
        {
            IArchRule rule = Types().That().Are(TypesIn(folder)).Should().NotDependOnAny(TypesIn(other));
            rule.Check(Library);
        }
    }

    [Fact]
    public void What_users_see_knows_nothing_of_how_it_is_done()
    {
        IObjectProvider<IType> seen = Types().That().ResideInNamespaceMatching($"^{Root}$").And().DoNotHaveNameMatching($"^({string.Join('|', Entrances)})$");
        IObjectProvider<IType> inside = Types().That().ResideInNamespaceMatching($@"^{Root}\.");
        Types().That().Are(seen).Should().NotDependOnAny(inside).Check(Library);
    }

    [Fact]
    public void Every_folder_is_in_the_picture()
    {
        string[] found = [.. typeof(ITaskQueue).Assembly.GetTypes().Select(type => type.Namespace).OfType<string>().Where(space => space.StartsWith($"{Root}.", StringComparison.Ordinal)).Distinct().Select(space => space[(Root.Length + 1)..])];
        Assert.Equal(Floors.SelectMany(floor => floor).Order(), found.Order());
    }

    private static GivenTypesConjunctionWithDescription TypesIn(string folder) => Types().That().ResideInNamespaceMatching($"^{Root}.{folder}$".Replace(".", @"\.", StringComparison.Ordinal)).As(folder);
}
