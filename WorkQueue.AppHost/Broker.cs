using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace WorkQueue.AppHost;

/// <summary>Where the broker comes from. Whatever the mode, it is one resource, "rabbitmq", with a connection string.</summary>
internal sealed class Broker : IDisposable
{
    private const string Name = "rabbitmq";
    private const string HealthCheck = "rabbitmq_handshake";
    private const string ThreeWays = "start Docker or Podman (Broker:Mode=container), install rabbitmq-server (Broker:Mode=local), or set ConnectionStrings:rabbitmq to a broker that runs (Broker:Mode=external)";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(5);

    private readonly LocalBrokerFolder? _folder;

    private Broker(IResourceBuilder<IResourceWithConnectionString> resource, EndpointReference? management, LocalBrokerFolder? folder = null)
    {
        Resource = resource;
        Management = management;
        _folder = folder;
    }

    public IResourceBuilder<IResourceWithConnectionString> Resource { get; }

    /// <summary>The management API; null for an external broker, whose address for it nobody knows.</summary>
    public EndpointReference? Management { get; }

    public static Task<Broker> AddAsync(IDistributedApplicationBuilder builder, AppHostSettings settings) => settings.BrokerMode switch
    {
        BrokerMode.External => AddExternalAsync(builder),
        BrokerMode.Container => AddContainerAsync(builder, settings),
        BrokerMode.Local => AddLocalAsync(builder, settings),
        _ => AddWhatIsThereAsync(builder, settings),
    };

    public void Dispose() => _folder?.Dispose();

    private static async Task<Broker> AddWhatIsThereAsync(IDistributedApplicationBuilder builder, AppHostSettings settings)
    {
        if (!string.IsNullOrWhiteSpace(builder.Configuration.GetConnectionString(Name)))
        {
            Console.WriteLine($"Broker: external, since {AppHostSettings.ConnectionStringKey} is set.");
            return await AddExternalAsync(builder);
        }

        (ContainerEngine? engine, string whyNot) = await ContainerEngine.FindAsync(builder.Configuration);
        if (engine is not null)
        {
            IResourceBuilder<RabbitMQServerResource> container = AddContainerResource(builder, settings);
            string image = ImageOf(container);
            if (await engine.HasOrPullsAsync(image))
            {
                Console.WriteLine($"Broker: container {image}, since {engine.Name} answers.");
                return new Broker(container, container.GetEndpoint("management"));
            }

            builder.Resources.Remove(container.Resource);
            whyNot = $"{engine.Name} answers but cannot get {image}";
        }

        if (await LocalBroker.FindServerAsync(builder) is { } server)
        {
            Console.WriteLine($"Broker: local, {server}, since {whyNot}.");
            return AddLocal(builder, settings);
        }

        throw new SettingException($"No broker: {whyNot}, no rabbitmq-server is installed and {AppHostSettings.ConnectionStringKey} is not set. Do one of three: {ThreeWays}.");
    }

    private static async Task<Broker> AddExternalAsync(IDistributedApplicationBuilder builder)
    {
        string? connectionString = builder.Configuration.GetConnectionString(Name);
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            throw new SettingException($"{AppHostSettings.ModeKey} is 'external', but {AppHostSettings.ConnectionStringKey} is not set; allowed: {AmqpHandshake.Allowed}.");
        }

        AmqpHandshake handshake = AmqpHandshake.Of(connectionString)
            ?? throw new SettingException($"{AppHostSettings.ConnectionStringKey} is not the address of a broker; allowed: {AmqpHandshake.Allowed}.");
        if (await handshake.TryForAsync(StartLimit) is { } failure)
        {
            throw new SettingException($"{AppHostSettings.ConnectionStringKey}: no broker answers at {handshake.Address} ({failure}); allowed: {AmqpHandshake.Allowed}, of a broker that runs.");
        }

        IResourceBuilder<IResourceWithConnectionString> resource = builder.AddConnectionString(Name);
        AddHealthCheck(builder, resource.Resource);
        return new Broker(resource.WithHealthCheck(HealthCheck), management: null);
    }

    private static async Task<Broker> AddContainerAsync(IDistributedApplicationBuilder builder, AppHostSettings settings)
    {
        IResourceBuilder<RabbitMQServerResource> container = AddContainerResource(builder, settings);
        if (builder.ExecutionContext.IsRunMode)
        {
            (ContainerEngine? engine, string whyNot) = await ContainerEngine.FindAsync(builder.Configuration);
            if (engine is null)
            {
                throw new SettingException($"{AppHostSettings.ModeKey} is 'container', but {whyNot}. Do one of three: {ThreeWays}.");
            }

            if (!await engine.HasOrPullsAsync(ImageOf(container)))
            {
                throw new SettingException($"{AppHostSettings.ImageKey}/{AppHostSettings.TagKey}: {engine.Name} neither has the image {ImageOf(container)} nor can it pull it; allowed: an image that '{engine.Name} pull' finds, or none for the official one.");
            }
        }

        return new Broker(container, container.GetEndpoint("management"));
    }

    private static IResourceBuilder<RabbitMQServerResource> AddContainerResource(IDistributedApplicationBuilder builder, AppHostSettings settings)
    {
        // An own user: some images let "guest" in from inside the container only. The plugin comes first, since it refuses images it does not know.
        IResourceBuilder<RabbitMQServerResource> container = builder
            .AddRabbitMQ(Name, builder.AddParameter("rabbitmq-user", "workqueue"))
            .WithManagementPlugin();
        try
        {
            if (settings.BrokerImage is { } image)
            {
                // With its own registry, if it names one, in place of the official image's.
                container.WithImage(image, settings.BrokerTag).WithImageRegistry(null);
            }
            else if (settings.BrokerTag is { } tag)
            {
                container.WithImageTag(tag);
            }
        }
        catch (Exception failure) when (failure is ArgumentException or InvalidOperationException)
        {
            throw new SettingException($"{AppHostSettings.ImageKey} is '{settings.BrokerImage}' and {AppHostSettings.TagKey} '{settings.BrokerTag}'; allowed: an image's name, with its tag in one of the two ({failure.Message}).");
        }

        return settings.BrokerPersist ? container.WithDataVolume() : container;
    }

    private static string ImageOf(IResourceBuilder<RabbitMQServerResource> container)
    {
        ContainerImageAnnotation image = container.Resource.Annotations.OfType<ContainerImageAnnotation>().Last();
        string name = string.IsNullOrEmpty(image.Registry) ? image.Image : $"{image.Registry}/{image.Image}";
        return string.IsNullOrEmpty(image.Tag) ? name : $"{name}:{image.Tag}";
    }

    private static async Task<Broker> AddLocalAsync(IDistributedApplicationBuilder builder, AppHostSettings settings) =>
        await LocalBroker.FindServerAsync(builder) is not null
            ? AddLocal(builder, settings)
            : throw new SettingException($"{AppHostSettings.ModeKey} is 'local', but no rabbitmq-server is installed. Do one of three: {ThreeWays}.");

    private static Broker AddLocal(IDistributedApplicationBuilder builder, AppHostSettings settings)
    {
        LocalBrokerFolder folder = LocalBrokerFolder.Open(Path.Combine(Repository.Folder(builder), ".workqueue"), settings.BrokerPersist);
        IResourceBuilder<LocalRabbitMQResource> resource = LocalBroker.Add(builder, Name, folder);
        AddHealthCheck(builder, resource.Resource);
        return new Broker(resource.WithHealthCheck(HealthCheck), resource.GetEndpoint(LocalRabbitMQResource.ManagementEndpoint), folder);
    }

    private static void AddHealthCheck(IDistributedApplicationBuilder builder, IResourceWithConnectionString resource) =>
        builder.Services.AddHealthChecks().AddAsyncCheck(HealthCheck, async cancellationToken =>
            AmqpHandshake.Of(await resource.ConnectionStringExpression.GetValueAsync(cancellationToken) ?? "") is not { } handshake
                ? HealthCheckResult.Unhealthy("The broker has no address yet.")
                : await handshake.TryAsync(cancellationToken) is { } failure
                    ? HealthCheckResult.Unhealthy($"No broker answers at {handshake.Address}: {failure}")
                    : HealthCheckResult.Healthy());
}
