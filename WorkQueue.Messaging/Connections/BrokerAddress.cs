using System.Globalization;
using System.Text.RegularExpressions;
using Microsoft.Extensions.Configuration;
using RabbitMQ.Client;

namespace WorkQueue.Messaging.Connections;

/// <summary>
/// A connection string: <c>amqp://user:password@host:port/vhost</c>, or several hosts of one cluster separated by commas; <c>amqps</c> for TLS.
/// </summary>
/// <param name="First">The connection string with its first host alone, which every client understands.</param>
/// <param name="Hosts">Every host and its port.</param>
internal sealed partial record BrokerAddress(string First, IReadOnlyList<(string Host, int Port)> Hosts)
{
    private const string Form = "amqp[s]://[user:password@]host[:port][,host[:port]…][/vhost]";

    /// <summary>The configuration's; null without one.</summary>
    /// <exception cref="FormatException">It is not of this form.</exception>
    public static BrokerAddress? Of(IConfiguration? configuration) =>
        configuration?.GetConnectionString(HostingExtensions.ConnectionName) is { Length: > 0 } text ? Parse(text) : null;

    /// <summary>Reads a connection string.</summary>
    /// <exception cref="FormatException">It is not of this form.</exception>
    public static BrokerAddress Parse(string connectionString)
    {
        Match match = Parts().Match(connectionString);
        if (!match.Success)
        {
            throw NotAnAddress();
        }

        int standard = match.Groups["scheme"].Value.Equals("amqps", StringComparison.OrdinalIgnoreCase) ? 5671 : 5672;
        string[] hosts = match.Groups["hosts"].Value.Split(',', StringSplitOptions.TrimEntries);
        return new BrokerAddress(
            $"{match.Groups["scheme"].Value}://{match.Groups["user"].Value}{hosts[0]}{match.Groups["rest"].Value}",
            [.. hosts.Select(host => HostAndPort(host, standard))]);
    }

    /// <summary>The endpoints a connection may be opened to, each with the TLS settings of the factory.</summary>
    public IReadOnlyList<AmqpTcpEndpoint> Endpoints(SslOption tls, string? serverName) =>
        [.. Hosts.Select(host => new AmqpTcpEndpoint(host.Host, host.Port, For(tls, serverName ?? host.Host)))];

    // Each host presents a certificate of its own name.
    private static SslOption For(SslOption tls, string serverName) => new(serverName, tls.CertPath, tls.Enabled)
    {
        CertPassphrase = tls.CertPassphrase,
        CertificateValidationCallback = tls.CertificateValidationCallback,
        AcceptablePolicyErrors = tls.AcceptablePolicyErrors,
        Version = tls.Version,
    };

    private static (string Host, int Port) HostAndPort(string text, int standard)
    {
        // The brackets of an IPv6 address hold colons of their own.
        Match match = Host().Match(text);
        return !match.Success ? throw NotAnAddress()
            : match.Groups["port"] is { Success: true } port ? (match.Groups["host"].Value.Trim('[', ']'), int.Parse(port.Value, CultureInfo.InvariantCulture))
            : (match.Groups["host"].Value.Trim('[', ']'), standard);
    }

    // Without the text itself: it holds a password.
    private static FormatException NotAnAddress() => new($"ConnectionStrings:{HostingExtensions.ConnectionName} is not the address of a broker; allowed: {Form}.");

    [GeneratedRegex("^(?<scheme>amqps?)://(?<user>[^@/]*@)?(?<hosts>[^/?@]+)(?<rest>[/?].*)?$", RegexOptions.IgnoreCase)]
    private static partial Regex Parts();

    [GeneratedRegex(@"^(?<host>\[[0-9a-fA-F:.]+\]|[^:\[\]\s]+)(:(?<port>\d{1,5}))?$")]
    private static partial Regex Host();
}
