using System.Diagnostics;
using System.Globalization;
using System.Net.Sockets;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>The broker that the AppHost starts from an installed RabbitMQ.</summary>
public sealed class LocalBrokerTests
{
    [BrokerFact]
    public async Task It_waits_for_the_port_of_a_name_service_that_is_about_to_end()
    {
        Assert.True(LocalBrokerProcess.IsInstalled);
        await using LocalBrokerProcess broker = new();
        // As that of a broker which was killed a moment ago.
        using Process other = Process.Start("epmd", ["-address", "127.0.0.1", "-port", broker.EpmdPort.ToString(CultureInfo.InvariantCulture)]);
        await Eventually.TrueAsync(() => IsOpen(broker.EpmdPort), "the port is taken");
        Task starting = broker.StartAsync();
        // Written just before its own name service is started.
        await Eventually.TrueAsync(() => broker.IsConfigured, "it starts");
        other.Kill();
        await starting;
    }

    private static bool IsOpen(int port)
    {
        try
        {
            using TcpClient client = new("127.0.0.1", port);
            return true;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
