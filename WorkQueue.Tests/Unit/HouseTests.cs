using ArchUnitNET.Domain;
using ArchUnitNET.Fluent;
using ArchUnitNET.Fluent.Syntax.Elements.Types;
using ArchUnitNET.Loader;
using ArchUnitNET.xUnit;
using WorkQueue.Board;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using static ArchUnitNET.Fluent.ArchRuleDefinition;

namespace WorkQueue.Tests.Unit;

/// <summary>The folders of the libraries, and which may know which.</summary>
public sealed class HouseTests
{
    // From top to bottom: a folder names types of the folders below it, and of none beside or above it.
    private static readonly House Messaging = new(
        "WorkQueue.Messaging",
        typeof(ITaskQueue),
        """
        Hosting
        Batches · Schedules
        Consuming.Adaptive
        Consuming
        Calls · DeadLetters · Events · Monitoring
        Flow · Unique
        Control
        History · Leading
        Streams
        Publishing · Unreadable
        Connections
        Wire
        Topology
        Diagnostics
        """,
        nameof(HostingExtensions), nameof(HandlerExtensions), nameof(TaskHandlerServices), nameof(ScheduleServices), nameof(QueuePolicies), nameof(TaskCatalogue));

    private static readonly House Board = new(
        "WorkQueue.Board",
        typeof(TaskBoardOptions),
        """
        Pages
        Pages.Screens
        Pages.Parts
        Pages.Models
        Api
        Calls
        ReadModel
        ReadModel.Store
        ReadModel.Rows · Broker
        """,
        nameof(TaskBoardExtensions));

    private static readonly House Testing = new(
        "WorkQueue.Testing",
        typeof(TestTask),
        """
        Hosting
        Running
        InMemory
        Clocks
        """,
        nameof(TestTaskQueue), nameof(TaskTest));

    private static readonly House Outbox = new(
        "WorkQueue.EntityFrameworkCore",
        typeof(OutboxTask),
        """
        Monitoring
        Relaying
        Storage
        Diagnostics
        """,
        nameof(TaskOutboxExtensions), nameof(TaskOutboxServices));

    private static readonly House[] Houses = [Messaging, Board, Testing, Outbox];

    public static TheoryData<string, string> Folders
    {
        get
        {
            TheoryData<string, string> folders = [];
            foreach (House house in Houses)
            {
                foreach (string folder in house.Folders)
                {
                    folders.Add(house.Name, folder);
                }
            }

            return folders;
        }
    }

    public static TheoryData<string> Names => new(Houses.Select(house => house.Name));

    [Theory]
    [MemberData(nameof(Folders))]
    public void A_folder_knows_only_those_below_it(string name, string folder)
    {
        House house = Of(name);
        Assert.NotEmpty(house.TypesIn(folder).GetObjects(house.Types));
        foreach (string other in house.NotBelow(folder))
        {
            IArchRule rule = Types().That().Are(house.TypesIn(folder)).Should().NotDependOnAny(house.TypesIn(other));
            rule.Check(house.Types);
        }
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void What_users_see_knows_nothing_of_how_it_is_done(string name)
    {
        House house = Of(name);
        IObjectProvider<IType> seen = Types().That().ResideInNamespaceMatching($"^{name}$").And().DoNotHaveNameMatching($"^({string.Join('|', house.Entrances)})$");
        IObjectProvider<IType> inside = Types().That().ResideInNamespaceMatching($@"^{name}\.");
        Types().That().Are(seen).Should().NotDependOnAny(inside).Check(house.Types);
    }

    [Theory]
    [MemberData(nameof(Names))]
    public void Every_folder_is_in_the_picture(string name)
    {
        House house = Of(name);
        string[] found = [.. house.Assembly.GetTypes().Select(type => type.Namespace).OfType<string>().Where(space => space.StartsWith($"{name}.", StringComparison.Ordinal)).Distinct().Select(space => space[(name.Length + 1)..])];
        Assert.Equal(house.Folders.Order(), found.Order());
    }

    // Razor makes components public; nobody can use them without what is not.
    [Fact]
    public void Of_the_board_users_see_how_it_is_added_and_its_settings_alone() => Assert.Equal(
        [nameof(TaskBoardExtensions), nameof(TaskBoardOptions)],
        Board.Assembly.GetExportedTypes().Where(type => !type.IsAssignableTo(typeof(Microsoft.AspNetCore.Components.IComponent)) && type.Name != "_Imports").Select(type => type.Name).Order());

    private static House Of(string name) => Houses.Single(house => house.Name == name);

    /// <summary>A library.</summary>
    /// <param name="name">Its name.</param>
    /// <param name="one">A type of it.</param>
    /// <param name="picture">Its floors.</param>
    /// <param name="entrances">What users call to put it together: in the namespace of what they see, and no part of it.</param>
    private sealed class House(string name, System.Type one, string picture, params string[] entrances)
    {
        private readonly string[][] _floors = [.. picture.Split('\n').Select(floor => floor.Split('·', StringSplitOptions.TrimEntries))];

        public string Name => name;

        public System.Reflection.Assembly Assembly => one.Assembly;

        public string[] Entrances => entrances;

        public Architecture Types { get; } = new ArchLoader().LoadAssemblies(one.Assembly).Build();

        public IEnumerable<string> Folders => _floors.SelectMany(floor => floor);

        public IEnumerable<string> NotBelow(string folder) =>
            _floors.TakeWhile(floor => !floor.Contains(folder)).Append(_floors.First(floor => floor.Contains(folder))).SelectMany(floor => floor).Where(other => other != folder);

        public GivenTypesConjunctionWithDescription TypesIn(string folder) => ArchRuleDefinition.Types().That().ResideInNamespaceMatching($"^{Name}.{folder}$".Replace(".", @"\.", StringComparison.Ordinal)).As(folder);
    }
}
