using System.Net.Sockets;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting;

/// <summary>Healthy when the broker answers the AMQP 0-9-1 protocol header with a method frame. An open port proves nothing: the engine's proxy opens it early.</summary>
internal sealed class AmqpHealthCheck(EndpointReference endpoint) : IHealthCheck
{
    private const byte MethodFrame = 1;
    private static readonly byte[] Header = "AMQP\0\0\u0009\u0001"u8.ToArray();
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(5);

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Limit);
        using TcpClient client = new();
        try
        {
            await client.ConnectAsync(endpoint.Host, endpoint.Port, limit.Token).ConfigureAwait(false);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync(Header, limit.Token).ConfigureAwait(false);
            byte[] answer = new byte[1];
            return await stream.ReadAsync(answer, limit.Token).ConfigureAwait(false) == 1 && answer[0] == MethodFrame
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("The broker closed the connection or speaks another protocol.");
        }
        catch (Exception failure) when (failure is SocketException or IOException or OperationCanceledException)
        {
            return HealthCheckResult.Unhealthy("The broker does not answer.", failure);
        }
    }
}
