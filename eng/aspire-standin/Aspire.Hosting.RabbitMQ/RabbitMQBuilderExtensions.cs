using System.Security.Cryptography;
using System.Text;
using Aspire.Hosting.ApplicationModel;
using Microsoft.Extensions.DependencyInjection;

namespace Aspire.Hosting;

public static class RabbitMQBuilderExtensions
{
    private const string Registry = "docker.io";
    private const string Image = "library/rabbitmq";
    private const string Tag = "4.3";
    private const string DataFolder = "/var/lib/rabbitmq";

    public static IResourceBuilder<RabbitMQServerResource> AddRabbitMQ(this IDistributedApplicationBuilder builder, string name, IResourceBuilder<ParameterResource>? userName = null, IResourceBuilder<ParameterResource>? password = null, int? port = null)
    {
        ParameterResource passwordParameter = password?.Resource ?? ParameterResourceBuilderExtensions.CreateDefaultPasswordParameter(builder, $"{name}-password", special: false);
        RabbitMQServerResource server = new(name, userName?.Resource, passwordParameter);
        string check = $"{name}_check";
        builder.Services.AddHealthChecks().Add(new(check, _ => new AmqpHealthCheck(server.PrimaryEndpoint), failureStatus: null, tags: null));
        return builder.AddResource(server)
            .WithImage(Image, Tag)
            .WithImageRegistry(Registry)
            .WithEndpoint(port: port, targetPort: 5672, name: RabbitMQServerResource.PrimaryEndpointName)
            .WithEnvironment("RABBITMQ_DEFAULT_USER", server.UserNameReference)
            .WithEnvironment("RABBITMQ_DEFAULT_PASS", (IExpressionValue)server.PasswordParameter)
            .WithHealthCheck(check);
    }

    public static IResourceBuilder<RabbitMQServerResource> WithManagementPlugin(this IResourceBuilder<RabbitMQServerResource> builder) => builder.WithManagementPlugin(port: null);

    /// <summary>Switches to the image with the management plugin, which is known only for the official image: call it before WithImage.</summary>
    public static IResourceBuilder<RabbitMQServerResource> WithManagementPlugin(this IResourceBuilder<RabbitMQServerResource> builder, int? port)
    {
        ContainerImageAnnotation image = builder.Resource.Annotations.OfType<ContainerImageAnnotation>().Last();
        if (image.Registry != Registry || image.Image != Image || ManagementTag(image.Tag) is not { } tag)
            throw new DistributedApplicationException($"The management plugin of RabbitMQ resource '{builder.Resource.Name}' cannot be enabled, because its image {image.Registry}/{image.Image}:{image.Tag} is not a known one. Call WithManagementPlugin before WithImage.");

        image.Tag = tag;
        return builder.WithHttpEndpoint(port: port, targetPort: 15672, name: RabbitMQServerResource.ManagementEndpointName);
    }

    public static IResourceBuilder<RabbitMQServerResource> WithDataVolume(this IResourceBuilder<RabbitMQServerResource> builder, string? name = null, bool isReadOnly = false) =>
        builder.WithVolume(name ?? VolumeName(builder), DataFolder, isReadOnly).WithStableNodeName();

    public static IResourceBuilder<RabbitMQServerResource> WithDataBindMount(this IResourceBuilder<RabbitMQServerResource> builder, string source, bool isReadOnly = false) =>
        builder.WithBindMount(source, DataFolder, isReadOnly).WithStableNodeName();

    /// <summary>The broker keeps its data in a folder named after its node, whose name otherwise changes with the container.</summary>
    private static IResourceBuilder<RabbitMQServerResource> WithStableNodeName(this IResourceBuilder<RabbitMQServerResource> builder) =>
        builder.WithEnvironment("RABBITMQ_NODENAME", $"{builder.Resource.Name}@localhost");

    private static string? ManagementTag(string? tag) => tag switch
    {
        _ when string.IsNullOrEmpty(tag) => $"{Tag}-management",
        _ when tag.EndsWith("management", StringComparison.Ordinal) || tag.EndsWith("management-alpine", StringComparison.Ordinal) => tag,
        "alpine" => "management-alpine",
        _ when tag.EndsWith("-alpine", StringComparison.Ordinal) => $"{tag[..^"-alpine".Length]}-management-alpine",
        _ when char.IsAsciiDigit(tag[^1]) && Version.TryParse(tag.Contains('.', StringComparison.Ordinal) ? tag : $"{tag}.0", out _) => $"{tag}-management",
        _ => null
    };

    private static string VolumeName(IResourceBuilder<RabbitMQServerResource> builder)
    {
        string folder = builder.ApplicationBuilder.AppHostDirectory;
        string hash = Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(folder)))[..10];
        string application = string.Concat(builder.ApplicationBuilder.Environment.ApplicationName.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToLowerInvariant(c) : '-'));
        return $"{application}-{hash}-{builder.Resource.Name}-data";
    }
}
