using System.Net.NetworkInformation;

namespace Aspire.Hosting.Supervision;

/// <summary>Free loopback ports, each handed out once.</summary>
internal sealed class Ports
{
    // Below the range the system takes client ports from, so that a port stays free until its process binds it.
    private const int First = 20_000;
    private const int Last = 30_000;

    private readonly HashSet<int> _taken = [];

    public int Next()
    {
        while (true)
        {
            int port = Random.Shared.Next(First, Last);
            if (IsFree(port) && _taken.Add(port))
                return port;
        }
    }

    /// <summary>Whether nobody listens on it, on whatever address.</summary>
    public static bool IsFree(int port) => IPGlobalProperties.GetIPGlobalProperties().GetActiveTcpListeners().All(listener => listener.Port != port);
}
