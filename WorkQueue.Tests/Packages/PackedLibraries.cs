using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Packages;

/// <summary>The packages, made of what is built.</summary>
public sealed class PackedLibraries : IAsyncLifetime
{
    public const string Messaging = "WorkQueue.Messaging";
    public const string Testing = "WorkQueue.Testing";
    public const string Outbox = "WorkQueue.EntityFrameworkCore";
    public const string Tool = "WorkQueue.Cli";

    public static string[] Names => [Messaging, "WorkQueue.Board", Outbox, Testing, Tool];

    /// <summary>Where they are.</summary>
    public string Folder { get; } = Directory.CreateTempSubdirectory("workqueue-test-packages-").FullName;

    /// <summary>Their version.</summary>
    public string Version { get; private set; } = "";

    public async Task InitializeAsync()
    {
        await OtherProgram.RunAsync("dotnet", ["pack", Path.Combine(TestEnvironment.Solution, "WorkQueue.sln"), "--no-build", "--configuration", TestEnvironment.Configuration, "--output", Folder]);
        Version = Path.GetFileNameWithoutExtension(Directory.GetFiles(Folder, $"{Messaging}.*.nupkg").Single())[(Messaging.Length + 1)..];
    }

    public string PathOf(string name, string extension) => Path.Combine(Folder, $"{name}.{Version}.{extension}");

    public Task DisposeAsync()
    {
        Directory.Delete(Folder, recursive: true);
        return Task.CompletedTask;
    }
}
