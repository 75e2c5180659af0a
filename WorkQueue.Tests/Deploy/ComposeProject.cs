using System.Globalization;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Deploy;

/// <summary>The compose file of <c>deploy</c>, started on a Docker engine under a name and in a network of its own.</summary>
internal sealed class ComposeProject : IAsyncDisposable
{
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(5);

    private readonly string _name = $"workqueue-check-{Guid.NewGuid().ToString("N")[..8]}";
    private readonly string _subnet = string.Create(CultureInfo.InvariantCulture, $"172.30.{Random.Shared.Next(1, 255)}");
    private readonly string _additions = Path.GetTempFileName();
    private readonly string[] _compose;

    private ComposeProject(string[] compose) => _compose = compose;

    /// <summary>The key of the API.</summary>
    public string ApiKey { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Where the producer listens.</summary>
    public int Port { get; } = TestEnvironment.FreePort();

    /// <summary>This machine, as containers see it.</summary>
    public string Gateway => $"{_subnet}.1";

    /// <summary>Prepares it: workers may call this machine.</summary>
    public static async Task<ComposeProject> CreateAsync()
    {
        // The plugin of today, or Python's program of old.
        bool isPlugin = await TrySucceedsAsync("docker", "compose", "version");
        ComposeProject project = new(isPlugin ? ["docker", "compose"] : ["docker-compose"]);
        await File.WriteAllTextAsync(project._additions, $$"""
            services:
              worker:
                environment: { WorkQueue__Webhooks__AllowedHosts__0: {{project.Gateway}} }
            networks:
              default:
                ipam: { config: [{ subnet: {{project._subnet}}.0/24 }] }
            """);
        return project;
    }

    /// <summary>Starts or changes it.</summary>
    public Task<string[]> UpAsync(string tag, params string[] arguments) => ComposeAsync(tag, ["up", "--detach", .. arguments]);

    /// <summary>The ids of the containers of a service that run.</summary>
    public Task<string[]> ContainersAsync(string service) =>
        DockerAsync("ps", "--quiet", "--no-trunc", "--filter", $"label=com.docker.compose.project={_name}", "--filter", $"label=com.docker.compose.service={service}");

    /// <summary>What Docker says.</summary>
    public static Task<string[]> DockerAsync(params string[] arguments) => OtherProgram.RunAsync(Limit, "docker", arguments);

    /// <summary>What a broker's tool says, on the node of a service.</summary>
    public async Task<string[]> ControlAsync(string service, params string[] arguments) => await DockerAsync(["exec", (await ContainersAsync(service))[0], "rabbitmqctl", "--silent", .. arguments]);

    /// <summary>What the programs have logged.</summary>
    public Task<string[]> LogAsync(string service) => ComposeAsync(ComposeFactAttribute.Tags[0], ["logs", "--no-color", service]);

    public async ValueTask DisposeAsync()
    {
        await ComposeAsync(ComposeFactAttribute.Tags[0], ["down", "--volumes", "--timeout", "5"]);
        File.Delete(_additions);
    }

    private Task<string[]> ComposeAsync(string tag, string[] arguments) => OtherProgram.RunAsync(
        Limit,
        _compose[0],
        [.. _compose[1..], "--project-name", _name, "--file", Path.Combine(TestEnvironment.Solution, "deploy", "compose.yaml"), "--file", _additions, .. arguments],
        // Over whatever a file .env says.
        ("WORKQUEUE_IMAGES", ""),
        ("WORKQUEUE_TAG", tag),
        ("RABBITMQ_USER", "workqueue"),
        ("WORKQUEUE_API_KEY", ApiKey),
        ("RABBITMQ_PASSWORD", ApiKey),
        ("RABBITMQ_COOKIE", ApiKey),
        ("WORKER_CONCURRENCY", "8"),
        ("PRODUCER_PORT", Port.ToString(CultureInfo.InvariantCulture)));

    private static async Task<bool> TrySucceedsAsync(string program, params string[] arguments)
    {
        await using OtherProgram run = OtherProgram.Start(program, arguments);
        return await run.EndAsync(TestEnvironment.Patience) == 0;
    }
}
