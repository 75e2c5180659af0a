using System.Net.Sockets;
using System.Security.Cryptography;
using System.Text;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Aspire.Hosting;

public static class RabbitMQBuilderExtensions
{
    private const string Registry = "docker.io";
    private const string Image = "library/rabbitmq";
    private const string Tag = "4.3";
    private static readonly TimeSpan HealthLimit = TimeSpan.FromSeconds(5);

    public static IResourceBuilder<RabbitMQServerResource> AddRabbitMQ(this IDistributedApplicationBuilder builder, string name, IResourceBuilder<ParameterResource>? userName = null, IResourceBuilder<ParameterResource>? password = null, int? port = null)
    {
        ReferenceExpression user = userName is null ? ReferenceExpression.Create($"guest") : ReferenceExpression.Create($"{userName}");
        RabbitMQServerResource server = new(name, user, password?.Resource ?? ParameterResourceBuilderExtensions.CreatePassword(builder, $"{name}-password"));
        string check = $"{name}_check";
        builder.Services.AddHealthChecks().AddAsyncCheck(check, cancellationToken => CheckAsync(server.PrimaryEndpoint, cancellationToken));
        return builder.AddResource(server)
            .WithImage(Image, Tag)
            .WithImageRegistry(Registry)
            .WithEndpoint(port: port, targetPort: 5672, name: RabbitMQServerResource.PrimaryEndpointName)
            .WithEnvironment("RABBITMQ_DEFAULT_USER", server.UserNameReference)
            .WithEnvironment("RABBITMQ_DEFAULT_PASS", $"{server.PasswordParameter}")
            .WithHealthCheck(check);
    }

    /// <summary>Switches to the image with the management plugin, which is known only for the official image: call it before WithImage.</summary>
    public static IResourceBuilder<RabbitMQServerResource> WithManagementPlugin(this IResourceBuilder<RabbitMQServerResource> builder)
    {
        ContainerImageAnnotation image = builder.Resource.Annotations.OfType<ContainerImageAnnotation>().Last();
        if (image is not { Registry: Registry, Image: Image, Tag: Tag })
            throw new DistributedApplicationException($"The management plugin of RabbitMQ resource '{builder.Resource.Name}' cannot be enabled, because its image {image.Registry}/{image.Image}:{image.Tag} is not a known one. Call WithManagementPlugin before WithImage.");

        image.Tag = $"{Tag}-management";
        return builder.WithHttpEndpoint(targetPort: 15672, name: RabbitMQServerResource.ManagementEndpointName);
    }

    public static IResourceBuilder<RabbitMQServerResource> WithDataVolume(this IResourceBuilder<RabbitMQServerResource> builder, string? name = null, bool isReadOnly = false) =>
        // The broker keeps its data in a folder named after its node, whose name otherwise changes with the container.
        builder.WithVolume(name ?? VolumeName(builder), "/var/lib/rabbitmq", isReadOnly).WithEnvironment("RABBITMQ_NODENAME", $"{builder.Resource.Name}@localhost");

    /// <summary>Healthy when the broker answers the AMQP 0-9-1 protocol header with a method frame. An open port proves nothing: the engine's proxy opens it early.</summary>
    private static async Task<HealthCheckResult> CheckAsync(EndpointReference endpoint, CancellationToken cancellationToken)
    {
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(HealthLimit);
        using TcpClient client = new();
        try
        {
            await client.ConnectAsync(endpoint.Host, endpoint.Port, limit.Token).ConfigureAwait(false);
            NetworkStream stream = client.GetStream();
            await stream.WriteAsync("AMQP\0\0\u0009\u0001"u8.ToArray(), limit.Token).ConfigureAwait(false);
            byte[] frameType = new byte[1];
            const byte MethodFrame = 1;
            return await stream.ReadAsync(frameType, limit.Token).ConfigureAwait(false) == 1 && frameType[0] == MethodFrame
                ? HealthCheckResult.Healthy()
                : HealthCheckResult.Unhealthy("The broker closed the connection or speaks another protocol.");
        }
        catch (Exception failure) when (failure is SocketException or IOException or OperationCanceledException)
        {
            return HealthCheckResult.Unhealthy("The broker does not answer.", failure);
        }
    }

    private static string VolumeName(IResourceBuilder<RabbitMQServerResource> builder)
    {
        string folder = builder.ApplicationBuilder.AppHostDirectory;
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(folder)))[..10];
        string application = string.Concat(builder.ApplicationBuilder.Environment.ApplicationName.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-'));
        return $"{application}-{hash}-{builder.Resource.Name}-data";
    }
}
