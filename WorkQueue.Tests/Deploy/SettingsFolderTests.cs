using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Hosting;
using WorkQueue.ServiceDefaults;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Deploy;

/// <summary>Settings that are the files of a folder.</summary>
public sealed class SettingsFolderTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("workqueue-test-settings-").FullName;

    [Fact]
    public async Task A_mounted_secret_is_read_again_when_Kubernetes_has_changed_it()
    {
        // As Kubernetes mounts one: each file is a link through a link to a folder, which alone is changed, by a rename.
        Write("..first", "the-first-of-two-keys");
        File.CreateSymbolicLink(Path.Combine(_folder, "..data"), "..first");
        File.CreateSymbolicLink(Path.Combine(_folder, "WorkQueue__ApiKeys__admin"), Path.Combine("..data", "WorkQueue__ApiKeys__admin"));
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("SettingsFolder", _folder)]);
        builder.AddServiceDefaults();
        using IHost host = builder.Build();
        Assert.Equal("the-first-of-two-keys", builder.Configuration["WorkQueue:ApiKeys:admin"]);

        Write("..second", "the-second-of-two-keys");
        File.CreateSymbolicLink(Path.Combine(_folder, "..data_tmp"), "..second");
        await OtherProgram.RunAsync("mv", ["--no-target-directory", Path.Combine(_folder, "..data_tmp"), Path.Combine(_folder, "..data")]);
        await Eventually.TrueAsync(() => builder.Configuration["WorkQueue:ApiKeys:admin"] == "the-second-of-two-keys", "the new key is known");
    }

    [Fact]
    public void A_folder_that_is_not_there_stops_the_start_and_is_named()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("SettingsFolder", Path.Combine(_folder, "none"))]);
        Assert.Contains(Path.Combine(_folder, "none"), Assert.ThrowsAny<IOException>(() => builder.AddServiceDefaults()).Message, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private void Write(string folder, string key) => File.WriteAllText(Path.Combine(Directory.CreateDirectory(Path.Combine(_folder, folder)).FullName, "WorkQueue__ApiKeys__admin"), key + "\n");
}
