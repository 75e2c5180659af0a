using System.Net.Sockets;

namespace WorkQueue.AppHost;

/// <summary>Greets a broker as an AMQP 0-9-1 client does and waits for its first frame: no login, no client library.</summary>
internal sealed class AmqpHandshake
{
    public const string Allowed = "amqp://user:password@host:port/vhost or amqps://…";
    private static readonly TimeSpan AttemptLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(250);

    private readonly bool _tls;
    private readonly (string Host, int Port)[] _hosts;

    private AmqpHandshake(bool tls, (string Host, int Port)[] hosts)
    {
        _tls = tls;
        _hosts = hosts;
        Address = string.Join(',', hosts.Select(host => $"{host.Host}:{host.Port}"));
    }

    /// <summary>Hosts and ports, without the user and the password.</summary>
    public string Address { get; }

    /// <summary>Null where the text is no connection string of a broker. A cluster's may name several hosts, separated by commas.</summary>
    public static AmqpHandshake? Of(string connectionString)
    {
        bool tls = connectionString.StartsWith("amqps://", StringComparison.OrdinalIgnoreCase);
        if (!tls && !connectionString.StartsWith("amqp://", StringComparison.OrdinalIgnoreCase))
        {
            return null;
        }

        string authority = connectionString[(connectionString.IndexOf("://", StringComparison.Ordinal) + 3)..].Split('/', '?')[0];
        string[] hosts = authority[(authority.LastIndexOf('@') + 1)..].Split(',', StringSplitOptions.TrimEntries);
        List<(string Host, int Port)> addresses = [];
        foreach (string host in hosts)
        {
            if (!Uri.TryCreate($"amqp://{host}", UriKind.Absolute, out Uri? uri) || uri.Host.Length == 0)
            {
                return null;
            }

            addresses.Add((uri.IdnHost, uri.Port > 0 ? uri.Port : tls ? 5671 : 5672));
        }

        return new AmqpHandshake(tls, [.. addresses]);
    }

    /// <summary>Tries for as long as the limit; null when a broker has answered, otherwise why not.</summary>
    public async Task<string?> TryForAsync(TimeSpan limit)
    {
        using CancellationTokenSource stop = new(limit, TimeProvider.System);
        string? failure;
        while ((failure = await TryAsync(CancellationToken.None)) is not null && !stop.IsCancellationRequested)
        {
            await Task.Delay(RetryDelay, TimeProvider.System, CancellationToken.None);
        }

        return failure;
    }

    /// <summary>Null when one of the hosts has answered, otherwise why the last has not.</summary>
    public async Task<string?> TryAsync(CancellationToken cancellationToken)
    {
        string? failure = null;
        foreach ((string host, int port) in _hosts)
        {
            if ((failure = await TryAsync(host, port, cancellationToken)) is null)
            {
                return null;
            }
        }

        return failure;
    }

    private async Task<string?> TryAsync(string host, int port, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(AttemptLimit);
        try
        {
            using TcpClient client = new();
            await client.ConnectAsync(host, port, limit.Token);
            if (_tls)
            {
                return null; // The certificate is the clients' business: here it counts that somebody listens.
            }

            await client.GetStream().WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), limit.Token);
            byte[] frameType = new byte[1];
            int read = await client.GetStream().ReadAsync(frameType, limit.Token);
            const byte MethodFrame = 1;
            return read == 1 && frameType[0] == MethodFrame ? null : "it does not speak AMQP 0-9-1";
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            return $"no answer within {AttemptLimit.TotalSeconds:0} s";
        }
        catch (Exception failure) when (failure is SocketException or IOException)
        {
            return failure.Message;
        }
    }
}
