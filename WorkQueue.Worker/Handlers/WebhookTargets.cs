using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>Finds the addresses of a host name.</summary>
internal delegate Task<IPAddress[]> ResolveHost(string host, CancellationToken cancellationToken);

/// <summary>
/// Decides what a webhook may reach: first by the name in the URL, then, when the connection is made, by the address. The address that
/// was checked is the one connected to, so a name that resolves differently the second time gains nothing.
/// </summary>
internal sealed class WebhookTargets
{
    private readonly AllowedHost[] _allowed;
    private readonly bool _loopbackAllowed;
    private readonly ResolveHost _resolve;

    public WebhookTargets(IOptions<WebhookOptions> options, IHostEnvironment environment, ResolveHost resolve)
    {
        _allowed = [.. options.Value.AllowedHosts.Select(AllowedHost.Parse).OfType<AllowedHost>()];
        _loopbackAllowed = environment.IsDevelopment();
        _resolve = resolve;
    }

    /// <summary>Reads the URL of a task.</summary>
    /// <exception cref="TaskRejectedException">It is no URL, or one that may not be called.</exception>
    public Uri Check(string? url)
    {
        if (string.IsNullOrWhiteSpace(url))
            throw new TaskRejectedException("The payload has no \"url\".");
        if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? target) || (target.Scheme != Uri.UriSchemeHttp && target.Scheme != Uri.UriSchemeHttps))
            throw new TaskRejectedException("\"url\" must be an absolute http or https URL.");
        if (target.UserInfo.Length > 0)
            throw new TaskRejectedException("\"url\" must not carry a user name or password; send an Authorization header.");

        string host = AllowedHost.Normalise(target.IdnHost);
        if (!IsListed(host, target.Port) && !IsLoopbackInDevelopment(host))
            throw new TaskRejectedException($"The host {target.IdnHost}:{target.Port} is not in {WebhookOptions.Section}:AllowedHosts.");
        return target;
    }

    /// <summary>Connects to a host that <see cref="Check"/> let through, at an address that may be reached.</summary>
    /// <exception cref="TaskRejectedException">The host has no such address.</exception>
    public async ValueTask<Stream> ConnectAsync(DnsEndPoint endpoint, CancellationToken cancellationToken)
    {
        IPAddress[] addresses = await AddressesAsync(endpoint, cancellationToken);
        var socket = new Socket(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(addresses, endpoint.Port, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

    /// <summary>The addresses of a host that may be reached, at least one.</summary>
    /// <exception cref="TaskRejectedException">There is none.</exception>
    public async Task<IPAddress[]> AddressesAsync(DnsEndPoint endpoint, CancellationToken cancellationToken)
    {
        string host = AllowedHost.Normalise(endpoint.Host);
        bool listed = IsListed(host, endpoint.Port), loopback = IsLoopbackInDevelopment(host);
        if (!listed && !loopback)
            throw new TaskRejectedException($"The host {endpoint.Host}:{endpoint.Port} is not in {WebhookOptions.Section}:AllowedHosts.");
        if (IPAddress.TryParse(host, out IPAddress? literal))
            return [literal];

        IPAddress[] found = await _resolve(host, cancellationToken);
        IPAddress[] reachable = [.. found.Where(address => loopback ? IPAddress.IsLoopback(address) : PublicAddress.Is(address))];
        if (reachable.Length == 0)
        {
            throw new TaskRejectedException(
                $"The host {endpoint.Host} does not resolve to a public address. " +
                $"To call a private one, name the address itself in {WebhookOptions.Section}:AllowedHosts.");
        }
        return reachable;
    }

    private bool IsListed(string host, int port) => _allowed.Any(entry => entry.Covers(host, port));

    private bool IsLoopbackInDevelopment(string host) => _loopbackAllowed &&
        (host == "localhost" || host.EndsWith(".localhost", StringComparison.Ordinal) ||
         (IPAddress.TryParse(host, out IPAddress? address) && IPAddress.IsLoopback(address)));
}
