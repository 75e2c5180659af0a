using System.Net;
using System.Net.Sockets;
using System.Text;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>Listeners to events whose connections end all at once, as behind a proxy that is started again.</summary>
public sealed class LeavingListenersTests
{
    // Two open files each in this process, of which some systems allow 4096.
    private const int Listeners = 1500;

    [Fact]
    public async Task Thousands_that_leave_at_once_hold_up_nobody()
    {
        await using ApiHost api = await ApiHost.StartAsync();
        List<Socket> sockets = [];
        await Parallel.ForEachAsync(Enumerable.Range(0, Listeners), new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (_, stopping) =>
        {
            Socket socket = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
            lock (sockets)
            {
                sockets.Add(socket);
            }

            await socket.ConnectAsync(IPAddress.Loopback, api.Http.BaseAddress!.Port, stopping);
            await socket.SendAsync("GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n"u8.ToArray(), stopping);
            byte[] head = new byte[12];
            Assert.Equal(12, await socket.ReceiveAsync(head, stopping));
            Assert.Equal("HTTP/1.1 200", Encoding.ASCII.GetString(head));
        });
        sockets.ForEach(socket => socket.Dispose());
        Assert.Equal(HttpStatusCode.OK, (await api.GetAsync("/queues").WaitAsync(TestEnvironment.Patience)).Status);
    }
}
