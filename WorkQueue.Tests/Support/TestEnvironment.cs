using System.Net;
using System.Net.Sockets;

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

    public static string? ContainerImage => Value("WORKQUEUE_TEST_CONTAINER_IMAGE");

    /// <summary>Waits for what should happen soon, on a busy machine too; a test that needs it has failed.</summary>
    public static TimeSpan Patience => TimeSpan.FromSeconds(30);

    public static int FreePort()
    {
        using TcpListener listener = new(IPAddress.Loopback, 0);
        listener.Start();
        return ((IPEndPoint)listener.LocalEndpoint).Port;
    }

    private static string? Value(string name) => Environment.GetEnvironmentVariable(name) is { Length: > 0 } value ? value : null;
}
