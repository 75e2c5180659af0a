using System.Net;
using System.Net.Sockets;

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
        for (int attempt = 0; attempt < 1000; attempt++)
        {
            int port = Random.Shared.Next(First, Last);
            if (IsFree(port) && _taken.Add(port))
                return port;
        }

        throw new DistributedApplicationException($"No free port between {First} and {Last}.");
    }

    public static bool IsFree(int port) => CanBind(IPAddress.Loopback, port) && (!Socket.OSSupportsIPv6 || CanBind(IPAddress.IPv6Loopback, port));

    private static bool CanBind(IPAddress address, int port)
    {
        using Socket socket = new(address.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            socket.Bind(new IPEndPoint(address, port));
            return true;
        }
        catch (SocketException failure)
        {
            // A machine without an IPv6 loopback address: nothing can be in the way there.
            return failure.SocketErrorCode == SocketError.AddressNotAvailable;
        }
    }
}
