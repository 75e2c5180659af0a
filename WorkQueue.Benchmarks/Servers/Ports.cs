using System.Net;
using System.Net.Sockets;

namespace WorkQueue.Benchmarks.Servers;

/// <summary>Ports of loopback.</summary>
internal static class Ports
{
    /// <summary>One that nobody has.</summary>
    public static int Free()
    {
        using Socket socket = new(SocketType.Stream, ProtocolType.Tcp);
        socket.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        return ((IPEndPoint)socket.LocalEndPoint!).Port;
    }

    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(1);

    /// <summary>Returns when somebody answers at a port.</summary>
    /// <exception cref="InvalidOperationException">The process that was to has ended, or takes more than a minute.</exception>
    public static async Task OpenedAsync(int port, System.Diagnostics.Process process)
    {
        long start = TimeProvider.System.GetTimestamp();
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(5));
        while (!process.HasExited && TimeProvider.System.GetElapsedTime(start) < Limit && await timer.WaitForNextTickAsync())
        {
            try
            {
                using TcpClient client = new();
                await client.ConnectAsync(IPAddress.Loopback, port);
                return;
            }
            catch (SocketException)
            {
            }
        }

        throw new InvalidOperationException($"{process.StartInfo.FileName} {string.Join(' ', process.StartInfo.ArgumentList)} does not answer.");
    }
}
