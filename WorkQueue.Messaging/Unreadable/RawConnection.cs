using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Text;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.Messaging.Unreadable;

/// <summary>
/// A connection that reads and writes messages without decoding them, to the same broker and as the same user as the client's. Calls come
/// one after the other. Made only to move a message that the client cannot read.
/// </summary>
internal sealed class RawConnection : IAsyncDisposable
{
    private const ushort WholeConnection = 0;
    private readonly AmqpWire _wire;
    private ushort _channels;

    private RawConnection(AmqpWire wire) => _wire = wire;

    /// <summary>Connects to the first broker that answers.</summary>
    /// <exception cref="IOException">None answers, or it refuses.</exception>
    public static async Task<RawConnection> OpenAsync(IConnectionFactory factory, IReadOnlyList<AmqpTcpEndpoint> endpoints, CancellationToken cancellationToken)
    {
        Exception? last = null;
        foreach (AmqpTcpEndpoint endpoint in endpoints)
        {
            Stream? stream = null;
            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(Limits.Connect);
            try
            {
                stream = await ConnectAsync(endpoint, limit.Token);
                RawConnection connection = new(new AmqpWire(stream));
                await connection.GreetAsync(factory, limit.Token);
                return connection;
            }
            catch (Exception failure) when (failure is IOException or SocketException or AuthenticationException
                || (failure is OperationCanceledException && !cancellationToken.IsCancellationRequested))
            {
                last = failure;
                await (stream?.DisposeAsync() ?? ValueTask.CompletedTask);
            }
        }

        throw new IOException(last?.Message ?? "no broker is named", last);
    }

    /// <summary>A new channel that confirms what is published on it.</summary>
    public async Task<RawChannel> OpenChannelAsync(CancellationToken cancellationToken)
    {
        RawChannel channel = new(this, ++_channels);
        await channel.CallAsync(MethodArguments.Of(Method.ChannelOpen).ShortText(""), Method.ChannelOpenOk, cancellationToken);
        await channel.CallAsync(MethodArguments.Of(Method.ConfirmSelect).Octet(0), Method.ConfirmSelectOk, cancellationToken);
        return channel;
    }

    /// <summary>Closes it, and waits for the broker's answer: by then it has back what was not acknowledged.</summary>
    public Task CloseAsync(CancellationToken cancellationToken) =>
        CallAsync(WholeConnection, MethodArguments.Of(Method.ConnectionClose).Short(Constants.ReplySuccess).ShortText("").Long(0), Method.ConnectionCloseOk, cancellationToken);

    public ValueTask DisposeAsync() => _wire.DisposeAsync();

    internal async Task CallAsync(ushort channel, MethodArguments call, Method answer, CancellationToken cancellationToken)
    {
        await SendAsync(channel, call, cancellationToken);
        await ReadAsync(channel, answer, cancellationToken);
    }

    internal Task SendAsync(ushort channel, MethodArguments call, CancellationToken cancellationToken) =>
        _wire.WriteAsync(new Frame(Frame.OfMethod, channel, call.ToArray()), cancellationToken);

    internal Task SendAsync(Frame frame, CancellationToken cancellationToken) => _wire.WriteAsync(frame, cancellationToken);

    /// <exception cref="IOException">The broker answered something else, in its own words.</exception>
    internal async Task<Frame> ReadAsync(ushort channel, Method answer, CancellationToken cancellationToken)
    {
        Frame frame = await NextAsync(channel, cancellationToken);
        return frame.Method == answer ? frame : throw new IOException($"the broker sent {frame.Method} instead of {answer}");
    }

    /// <summary>The next frame of a channel.</summary>
    /// <exception cref="RefusedException">The broker closed the channel or the connection.</exception>
    internal async Task<Frame> NextAsync(ushort channel, CancellationToken cancellationToken)
    {
        while (true)
        {
            Frame frame = await _wire.ReadAsync(cancellationToken);
            if (frame.Method is Method.ConnectionClose or Method.ChannelClose)
            {
                await SendAsync(frame.Channel, MethodArguments.Of(frame.Method + 1), cancellationToken);
                throw new RefusedException(frame.MethodArguments);
            }

            // Heartbeats are of the whole connection.
            if (frame.Channel == channel && frame.Type is Frame.OfMethod or Frame.OfHeader or Frame.OfBody)
            {
                return frame;
            }
        }
    }

    private static async Task<Stream> ConnectAsync(AmqpTcpEndpoint endpoint, CancellationToken cancellationToken)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        NetworkStream plain;
        try
        {
            await socket.ConnectAsync(endpoint.HostName, endpoint.Port, cancellationToken);
            plain = new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }

        SslOption tls = endpoint.Ssl;
        if (!tls.Enabled)
        {
            return plain;
        }

        // As the client does, with the same settings.
        RemoteCertificateValidationCallback trusts =
            tls.CertificateValidationCallback ?? ((_, _, _, errors) => (errors & ~tls.AcceptablePolicyErrors) == SslPolicyErrors.None);
        SslStream secured = new(plain, leaveInnerStreamOpen: false, trusts, tls.CertificateSelectionCallback);
        try
        {
            await secured.AuthenticateAsClientAsync(
                new SslClientAuthenticationOptions { TargetHost = tls.ServerName, ClientCertificates = tls.Certs, EnabledSslProtocols = tls.Version }, cancellationToken);
            return secured;
        }
        catch
        {
            await secured.DisposeAsync();
            throw;
        }
    }

    private async Task GreetAsync(IConnectionFactory factory, CancellationToken cancellationToken)
    {
        await _wire.SendProtocolAsync(cancellationToken);
        await ReadAsync(WholeConnection, Method.ConnectionStart, cancellationToken);
        (string mechanism, string response) = await CredentialsAsync(factory, cancellationToken);
        MethodArguments start = MethodArguments.Of(Method.ConnectionStartOk).Table(("connection_name", "for messages that cannot be read"))
            .ShortText(mechanism).LongText(Encoding.UTF8.GetBytes(response)).ShortText("en_US");
        await SendAsync(WholeConnection, start, cancellationToken);
        Frame tune = await ReadAsync(WholeConnection, Method.ConnectionTune, cancellationToken);
        // The broker's limits on channels and frames, and no heartbeats: it does not live that long.
        MethodArguments tuned = MethodArguments.Of(Method.ConnectionTuneOk);
        foreach (byte octet in tune.MethodArguments[..6].ToArray())
        {
            tuned.Octet(octet);
        }

        await SendAsync(WholeConnection, tuned.Short(0), cancellationToken);
        await CallAsync(
            WholeConnection, MethodArguments.Of(Method.ConnectionOpen).ShortText(factory.VirtualHost).ShortText("").Octet(0), Method.ConnectionOpenOk, cancellationToken);
    }

    private static async Task<(string Mechanism, string Response)> CredentialsAsync(IConnectionFactory factory, CancellationToken cancellationToken)
    {
        if (factory is ConnectionFactory { AuthMechanisms: var mechanisms } && mechanisms.FirstOrDefault() is ExternalMechanismFactory)
        {
            return ("EXTERNAL", "");
        }

        Credentials? provided = factory.CredentialsProvider is { } provider ? await provider.GetCredentialsAsync(cancellationToken) : null;
        return ("PLAIN", $"\0{provided?.UserName ?? factory.UserName}\0{provided?.Password ?? factory.Password}");
    }
}
