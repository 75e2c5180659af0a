using System.Diagnostics;

namespace WorkQueue.Tests.Support;

/// <summary>A container of a RabbitMQ image that takes its user from the environment, as the official one does.</summary>
internal sealed class ContainerBroker(string image) : OwnedBroker
{
    private readonly string _name = $"workqueue-test-{Guid.NewGuid():N}";
    private Reaper? _reaper;

    protected override string SecureListener => "0.0.0.0:5671";

    protected override string ConfigurationFolder => "/etc/rabbitmq";

    /// <inheritdoc/>
    public override Task FreezeAsync() => DockerAsync("pause", _name);

    /// <inheritdoc/>
    public override Task ThawAsync() => DockerAsync("unpause", _name);

    /// <inheritdoc/>
    public override async Task StartAsync()
    {
        await base.StartAsync();
        if (IsManaged)
        {
            await DockerAsync("exec", _name, "rabbitmq-plugins", "enable", "rabbitmq_management");
        }
    }

    /// <inheritdoc/>
    public override Task ControlAsync(params string[] arguments) => DockerAsync(["exec", _name, "rabbitmqctl", .. arguments]);

    public override async ValueTask DisposeAsync()
    {
        if (_reaper is not null)
        {
            await _reaper.DisposeAsync();
            _reaper = null;
        }

        await base.DisposeAsync();
    }

    protected override async Task<ProcessStartInfo> PrepareAsync()
    {
        if (_reaper is null)
        {
            _reaper = new Reaper("docker", "rm", "--force", "--volumes", _name);
            await CreateAsync();
        }

        return new ProcessStartInfo("docker", ["start", "--attach", _name]);
    }

    // Without its reaper it is gone already.
    protected override Task KillAsync(Process process) => _reaper is null ? Task.CompletedTask : DockerAsync("kill", _name);

    private async Task CreateAsync()
    {
        // The host name is part of the node's, under which its data is kept.
        await DockerAsync(
            "create", "--name", _name, "--hostname", "broker", "--env", "RABBITMQ_DEFAULT_USER=tests", "--env", "RABBITMQ_DEFAULT_PASS=tests",
            "--publish", $"127.0.0.1:{Text(Port)}:5672", "--publish", $"127.0.0.1:{Text(SecurePort)}:5671",
            "--publish", $"127.0.0.1:{Text(ManagementPort)}:15672", image);
        foreach (string folder in Directory.GetDirectories(Folder))
        {
            await DockerAsync("cp", folder, $"{_name}:{ConfigurationFolder}/");
        }
    }

    private static Task<string> DockerAsync(params string[] arguments) => RunAsync(new ProcessStartInfo("docker", arguments));
}
