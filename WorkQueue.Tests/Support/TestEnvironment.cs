using System.Net;
using System.Net.Sockets;

namespace WorkQueue.Tests.Support;

/// <summary>What the machine the tests run on offers.</summary>
internal static class TestEnvironment
{
    public static bool IsCi => Environment.GetEnvironmentVariable("CI") == "true";

    public static string? ExternalBroker => Value("WORKQUEUE_TEST_BROKER");

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
