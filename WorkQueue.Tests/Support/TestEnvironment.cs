using System.Net;
using System.Net.Sockets;
using System.Reflection;

namespace WorkQueue.Tests.Support;

/// <summary>What the machine the tests run on offers.</summary>
internal static class TestEnvironment
{
    public static bool IsCi => Environment.GetEnvironmentVariable("CI") == "true";

    /// <summary>The broker to test against, if it runs already; the tests do not harm it.</summary>
    public static string? ExternalBroker => BrokerImage is null ? Value("WORKQUEUE_TEST_BROKER") : null;

    /// <summary>The image the tests run their brokers from; null takes an installed rabbitmq-server.</summary>
    public static string? BrokerImage =>
        Value("WORKQUEUE_TEST_BROKER") is { } value && value.StartsWith("docker:", StringComparison.Ordinal) ? value["docker:".Length..] : null;

    /// <summary>The image to run the AppHost's broker from; unless set, Aspire's.</summary>
    public static string ContainerImage => Value("WORKQUEUE_TEST_CONTAINER_IMAGE") ?? "docker.io/library/rabbitmq:4.3-management";

    /// <summary>The folder of the solution.</summary>
    public static string Solution { get; } = Path.GetFullPath("..", Projects.WorkQueue_AppHost.ProjectPath);

    /// <summary>A file that building a project has made.</summary>
    /// <param name="project">The project's folder in the solution; its last part is the project's name.</param>
    /// <param name="extension">Of the file; none for the program itself.</param>
    public static string Built(string project, string extension = "") =>
        Path.Combine(Solution, project, "bin", Configuration, "net10.0", Path.GetFileName(project) + extension);

    /// <summary>How the tests, and all they start, are built.</summary>
    public static string Configuration { get; } = typeof(TestEnvironment).Assembly.GetCustomAttribute<AssemblyConfigurationAttribute>()!.Configuration;

    private const int FirstPort = 10_000;
    private const int PortCount = 5_000;

    private static int _ports = Random.Shared.Next(PortCount);

    /// <summary>Waits for what should happen soon, on a busy machine too; a test that needs it has failed.</summary>
    public static TimeSpan Patience => TimeSpan.FromSeconds(30);

    /// <summary>A port nobody listens on, from below those that systems give to outgoing connections: one of these would be gone by the time it is used.</summary>
    public static int FreePort()
    {
        while (true)
        {
            // Each its own: another test is given one at the same time.
            int port = FirstPort + (Interlocked.Increment(ref _ports) % PortCount);
            try
            {
                using TcpListener listener = new(IPAddress.Loopback, port) { ExclusiveAddressUse = true };
                listener.Start();
                return port;
            }
            catch (SocketException)
            {
                // In use: the next one.
            }
        }
    }

    private static string? Value(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
