using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;

namespace WorkQueue.Tests.Support;

/// <summary>A link to a port of this machine that a test can cut, stall and close to new connections.</summary>
internal sealed class TcpProxy : IAsyncDisposable
{
    private readonly int _target;
    private readonly ConcurrentDictionary<Link, Task> _links = new();
    private readonly CancellationTokenSource _disposed = new();
    private volatile TaskCompletionSource _flow = Flowing();
    private TcpListener? _listener;
    private Task _accepting = Task.CompletedTask;

    public TcpProxy(int target)
    {
        _target = target;
        Port = TestEnvironment.FreePort();
        Accept();
    }

    public int Port { get; }

    /// <summary>A connection string that leads through it.</summary>
    public string Over(string connectionString) => new UriBuilder(connectionString) { Port = Port }.Uri.ToString().TrimEnd('/');

    /// <summary>Resets every connection; new ones are taken.</summary>
    public void Cut()
    {
        foreach (Link link in _links.Keys)
        {
            link.Reset();
        }
    }

    /// <summary>Lets connections stand and be made, and carries nothing any more, in either direction.</summary>
    public void Stall() => _flow = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    /// <summary>Ends a stall; what was held back goes on.</summary>
    public void Flow() => _flow.TrySetResult();

    /// <summary>Refuses new connections.</summary>
    public async Task RefuseAsync()
    {
        _listener?.Stop();
        _listener = null;
        await _accepting;
    }

    /// <summary>Takes new connections again.</summary>
    public void Accept()
    {
        TcpListener listener = new(IPAddress.Loopback, Port);
        listener.Start();
        _listener = listener;
        _accepting = AcceptAsync(listener);
    }

    public async ValueTask DisposeAsync()
    {
        await _disposed.CancelAsync();
        await RefuseAsync();
        Cut();
        await Task.WhenAll(_links.Values);
        _disposed.Dispose();
    }

    private async Task AcceptAsync(TcpListener listener)
    {
        try
        {
            while (true)
            {
                Link link = new(await listener.AcceptSocketAsync(_disposed.Token));
                Task carrying = CarryAsync(link);
                _links[link] = carrying;
                _ = carrying.ContinueWith(_ => _links.TryRemove(link, out Task? _), TaskScheduler.Default);
            }
        }
        catch (Exception stopped) when (stopped is SocketException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    private async Task CarryAsync(Link link)
    {
        try
        {
            await _flow.Task.WaitAsync(link.Ended);
            await link.Far.ConnectAsync(IPAddress.Loopback, _target, link.Ended);
            await Task.WhenAny(PumpAsync(link.Near, link.Far, link.Ended), PumpAsync(link.Far, link.Near, link.Ended));
        }
        catch (Exception lost) when (lost is SocketException or OperationCanceledException or ObjectDisposedException)
        {
        }
        finally
        {
            link.Reset();
        }
    }

    private async Task PumpAsync(Socket from, Socket to, CancellationToken ended)
    {
        byte[] buffer = new byte[64 * 1024];
        try
        {
            while (await from.ReceiveAsync(buffer, ended) is > 0 and int read)
            {
                await _flow.Task.WaitAsync(ended);
                await to.SendAsync(buffer.AsMemory(0, read), ended);
            }
        }
        catch (Exception lost) when (lost is SocketException or OperationCanceledException or ObjectDisposedException)
        {
        }
    }

    private static TaskCompletionSource Flowing()
    {
        TaskCompletionSource flow = new();
        flow.SetResult();
        return flow;
    }

#pragma warning disable CA1001 // A cut may come at any moment, so nothing of a link can be disposed of; a source without a timer needs it not.
    private sealed class Link(Socket near)
#pragma warning restore CA1001
    {
        private readonly CancellationTokenSource _ended = new();

        public Socket Near { get; } = near;

        public Socket Far { get; } = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };

        public CancellationToken Ended => _ended.Token;

        // By a reset, as a firewall does it: an orderly end would let what is under way arrive.
        public void Reset()
        {
            Near.Close(0);
            Far.Close(0);
            _ended.Cancel();
        }
    }
}
