using System.IO.Compression;
using System.Xml.Linq;
using WorkQueue.Tests.EndToEnd;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Packages;

/// <summary>The packages, and a solution that has nothing else of this project.</summary>
[Collection(OwnSystemTests.Name)]
public sealed class PackageTests(PackedLibraries packed) : IClassFixture<PackedLibraries>
{
    private static readonly TimeSpan BuildLimit = TimeSpan.FromMinutes(6);

    public static TheoryData<string> Names => [.. PackedLibraries.Names];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_package_has_what_a_feed_shows_and_puts_nothing_into_its_users_project(string name)
    {
        using ZipArchive package = ZipFile.OpenRead(packed.PathOf(name, "nupkg"));
        string[] files = [.. package.Entries.Select(entry => entry.FullName)];
        Assert.DoesNotContain(files, file => file.StartsWith("content", StringComparison.Ordinal));
        Assert.Contains(files, file => Path.GetFileName(file) == $"{name}.xml");
        XElement[] metadata = [.. Manifest(package, name).Root!.Elements().Single().Elements()];
        Assert.Equal(("MIT", "The WorkQueue authors"), (Of("license"), Of("authors")));
        Assert.NotEmpty(Of("description"));
        Assert.Contains(Of("icon"), files);
        Assert.Contains(Of("readme"), files);
        Assert.NotNull(metadata.Single(element => element.Name.LocalName == "repository").Attribute("commit"));
        using ZipArchive symbols = ZipFile.OpenRead(packed.PathOf(name, "snupkg"));
        Assert.Contains(symbols.Entries, entry => entry.Name == $"{name}.pdb");

        string Of(string element) => metadata.Single(found => found.Name.LocalName == element).Value;
    }

    [Theory]
    [InlineData(PackedLibraries.Testing)]
    [InlineData(PackedLibraries.Outbox)]
    public void What_uses_internals_of_the_library_needs_the_very_version_it_was_built_with(string name)
    {
        using ZipArchive package = ZipFile.OpenRead(packed.PathOf(name, "nupkg"));
        XElement dependency = Manifest(package, name).Descendants().Single(element => element.Attribute("id")?.Value == PackedLibraries.Messaging);
        Assert.Equal($"[{packed.Version}]", dependency.Attribute("version")?.Value);
    }

    [OwnedOutboxFact]
    public async Task A_solution_that_has_the_packages_alone_runs_a_task_to_its_end_and_shows_it_on_its_board()
    {
        await using OwnedBroker broker = OwnedBroker.Create();
        await broker.StartAsync();
        await using TestDatabase database = await TestDatabase.CreateEmptyAsync();
        DirectoryInfo solution = Directory.CreateTempSubdirectory("workqueue-test-orders-");
        try
        {
            Copy(Path.Combine(TestEnvironment.Solution, "samples/Orders"), solution.FullName);
            Copy(packed.Folder, Path.Combine(solution.FullName, "packages"));
            // The packages of others from where they are; ours, of which the machine may have others of the same version, from nowhere else.
            string cache = Path.Combine(solution.FullName, "cache");
            string[] printed = await OtherProgram.RunAsync(
                BuildLimit,
                "dotnet",
                ["test", Path.Combine(solution.FullName, "Orders.slnx"), "--nologo", "--verbosity", "quiet", "--logger", "console;verbosity=normal"],
                ("NUGET_PACKAGES", cache),
                ("RestoreFallbackFolders", Environment.GetEnvironmentVariable("NUGET_PACKAGES") ?? Path.Combine(Environment.GetFolderPath(Environment.SpecialFolder.UserProfile), ".nuget", "packages")),
                ("ConnectionStrings__rabbitmq", broker.ConnectionString),
                ("ConnectionStrings__orders", database.ConnectionString),
                ("MSBUILDDISABLENODEREUSE", "1"));
            Assert.Contains("Passed: 3", printed.Select(line => line.Trim()));
            Assert.Equal(
                ["workqueue.board", "workqueue.entityframeworkcore", "workqueue.messaging", "workqueue.testing"],
                Directory.GetDirectories(cache, "workqueue.*").Select(folder => Path.GetFileName(folder)).Order(StringComparer.Ordinal));
        }
        finally
        {
            solution.Delete(recursive: true);
        }
    }

    private static XDocument Manifest(ZipArchive package, string name)
    {
        using Stream manifest = package.GetEntry($"{name}.nuspec")!.Open();
        return XDocument.Load(manifest);
    }

    // What building the sample in its place has left is not copied.
    private static void Copy(string from, string to)
    {
        foreach (string file in Directory.EnumerateFiles(from, "*", SearchOption.AllDirectories).Select(file => Path.GetRelativePath(from, file)))
        {
            if (!file.Split(Path.DirectorySeparatorChar).Any(part => part is "bin" or "obj" or "packages" or ".workqueue"))
            {
                Directory.CreateDirectory(Path.GetDirectoryName(Path.Combine(to, file))!);
                File.Copy(Path.Combine(from, file), Path.Combine(to, file));
            }
        }
    }
}
