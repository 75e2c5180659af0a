using System.Security.Cryptography;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Connections;

namespace WorkQueue.AppHost;

/// <summary>Where the broker comes from. Whatever the mode, it is one resource, "rabbitmq", with a connection string.</summary>
internal sealed record Broker(IResourceBuilder<IResourceWithConnectionString> Resource, string Choice) : IDisposable
{
    public const string Name = "rabbitmq";
    public const string User = "workqueue";
    private const string ConnectionStringKey = $"ConnectionStrings:{Name}";
    private const string ThreeWays = $"start Docker or Podman (Broker:Mode=container), install rabbitmq-server (Broker:Mode=local), or set {ConnectionStringKey} to a broker that runs (Broker:Mode=external)";
    private static readonly TimeSpan ExternalLimit = TimeSpan.FromSeconds(5);

    private LocalBroker? _local;

    /// <summary>The management API and pages; null for an external broker, whose address for them nobody knows.</summary>
    public EndpointReference? Management { get; private init; }

    /// <summary>The engine that runs it; null where it is no container.</summary>
    public ContainerEngine? Engine { get; private init; }

    /// <summary>How to begin with empty data, where it is kept over runs; otherwise null.</summary>
    public string? BeginAnew { get; private init; }

    /// <exception cref="SettingException">There is none.</exception>
    public static async Task<Broker> AddAsync(IDistributedApplicationBuilder builder, AppHostOptions options)
    {
        string? connectionString = builder.Configuration.GetConnectionString(Name);
        if (options.BrokerMode == BrokerMode.External || (options.BrokerMode == BrokerMode.Auto && !string.IsNullOrWhiteSpace(connectionString)))
        {
            return await AddExternalAsync(builder, connectionString);
        }

        IResourceBuilder<ParameterResource> password = builder.AddParameter($"{Name}-password", new GenerateParameterDefault { MinLength = 22, Special = false }, secret: true, persist: true);
        (Broker? broker, string whyNot) = options.BrokerMode == BrokerMode.Local ? (null, "") : await TryAddContainerAsync(builder, options, password);
        if (broker is not null)
        {
            return broker;
        }

        if (options.BrokerMode == BrokerMode.Container)
        {
            throw new SettingException($"Broker:Mode is 'container', but {whyNot}. Do one of three: {ThreeWays}.");
        }

        string server = await LocalBroker.FindServerAsync(builder)
            ?? throw new SettingException($"No broker: {(whyNot.Length > 0 ? whyNot + ", and " : "")}no rabbitmq-server is installed. Do one of three: {ThreeWays}.");
        return AddLocal(builder, password, options.BrokerPersist, whyNot.Length > 0 ? $"local ({server}), since {whyNot}" : $"local ({server})");
    }

    public void Dispose() => _local?.Dispose();

    private static async Task<Broker> AddExternalAsync(IDistributedApplicationBuilder builder, string? connectionString)
    {
        if (string.IsNullOrWhiteSpace(connectionString))
        {
            throw new SettingException($"Broker:Mode is 'external', but {ConnectionStringKey} is not set: set it to amqp[s]://user:password@host:port/vhost.");
        }

        string address = "there";
        try
        {
            IReadOnlyList<(string Host, int Port)> hosts = BrokerAddress.Parse(connectionString).Hosts;
            address = string.Join(',', hosts.Select(host => $"{host.Host}:{host.Port}"));
            await using IConnection connection = await ConnectAsync(builder, connectionString).WaitAsync(hosts.Count * ExternalLimit);
            return new Broker(WithLoginCheck(builder.AddConnectionString(Name), builder), $"external ({address}), since {ConnectionStringKey} is set");
        }
        catch (FormatException malformed)
        {
            throw new SettingException(malformed.Message);
        }
        catch (BrokerUnreachableException refused) when (refused.InnerException is AuthenticationFailureException)
        {
            throw new SettingException($"{ConnectionStringKey}: the broker at {address} refuses its user or password.");
        }
        catch (Exception failure) when (failure is BrokerUnreachableException or OperationInterruptedException or TimeoutException or IOException or CryptographicException)
        {
            throw new SettingException($"{ConnectionStringKey}: no broker answers at {address} ({failure.GetBaseException().Message}).");
        }
    }

    private static async Task<(Broker? Broker, string WhyNot)> TryAddContainerAsync(IDistributedApplicationBuilder builder, AppHostOptions options, IResourceBuilder<ParameterResource> password)
    {
        (ContainerEngine? engine, string whyNot) = await ContainerEngine.FindAsync(builder.Configuration);
        if (engine is null && builder.ExecutionContext.IsRunMode)
        {
            return (null, whyNot);
        }

        // An own user: some images let "guest" in from inside the container only. The plugin comes first, since it refuses images it does not know.
        IResourceBuilder<RabbitMQServerResource> container = builder.AddRabbitMQ(Name, builder.AddParameter($"{Name}-user", User), password).WithManagementPlugin();
        SetImage(container, options);
        string image = ImageOf(container.Resource);
        if (engine is not null && !await engine.HasOrPullsAsync(image))
        {
            builder.Resources.Remove(container.Resource);
            return (null, $"{engine.Name} neither has the image {image} nor can pull it (Broker:Image, Broker:Tag)");
        }

        if (options.BrokerPersist)
        {
            container.WithDataVolume().WithLifetime(ContainerLifetime.Persistent);
        }

        string? volume = container.Resource.Annotations.OfType<ContainerMountAnnotation>().FirstOrDefault()?.Source;
        return (new Broker(container.WithNamedLink("management"), $"container ({image}), since {engine?.Name} answers")
        {
            Management = container.GetEndpoint("management"),
            Engine = engine,
            BeginAnew = volume is null ? null : $"remove its container and '{engine?.Name} volume rm {volume}'",
        }, "");
    }

    private static void SetImage(IResourceBuilder<RabbitMQServerResource> container, AppHostOptions options)
    {
        try
        {
            if (options.BrokerImage is { Length: > 0 } image)
            {
                // With its own registry, if it names one, in place of the official image's.
                container.WithImage(image, string.IsNullOrEmpty(options.BrokerTag) ? null : options.BrokerTag).WithImageRegistry(null);
            }
            else if (options.BrokerTag is { Length: > 0 } tag)
            {
                container.WithImageTag(tag);
            }
        }
        catch (Exception failure) when (failure is ArgumentException or InvalidOperationException)
        {
            throw new SettingException($"Broker:Image is '{options.BrokerImage}' and Broker:Tag '{options.BrokerTag}': give an image's name, with its tag in one of the two ({failure.Message}).");
        }
    }

    private static string ImageOf(RabbitMQServerResource container)
    {
        ContainerImageAnnotation image = container.Annotations.OfType<ContainerImageAnnotation>().Last();
        string name = string.IsNullOrEmpty(image.Registry) ? image.Image : $"{image.Registry}/{image.Image}";
        return string.IsNullOrEmpty(image.Tag) ? name : $"{name}:{image.Tag}";
    }

    private static Broker AddLocal(IDistributedApplicationBuilder builder, IResourceBuilder<ParameterResource> password, bool persist, string choice)
    {
        LocalBroker local = LocalBroker.Add(builder, Name, User, password, persist);
        return new Broker(WithLoginCheck(local.Resource.WithNamedLink(LocalBroker.ManagementEndpoint), builder), choice)
        {
            Management = local.Resource.GetEndpoint(LocalBroker.ManagementEndpoint),
            BeginAnew = persist ? $"remove {local.Folder}" : null,
            _local = local,
        };
    }

    // The one that Aspire gives its container; it logs in, so that a wrong password is told from a broker that is away.
    private static IResourceBuilder<T> WithLoginCheck<T>(IResourceBuilder<T> resource, IDistributedApplicationBuilder builder)
        where T : IResourceWithConnectionString
    {
        IConnection? connection = null;
        builder.Services.AddHealthChecks().AddRabbitMQ(
            async _ => connection is { IsOpen: true } ? connection : connection = await ConnectAsync(builder, await resource.Resource.ConnectionStringExpression.GetValueAsync(CancellationToken.None) ?? ""), $"{Name}_login");
        return resource.WithHealthCheck($"{Name}_login");
    }

    private static async Task<IConnection> ConnectAsync(IDistributedApplicationBuilder builder, string connectionString)
    {
        TlsOptions tls = builder.Configuration.GetSection($"{WorkQueueOptions.Section}:{nameof(WorkQueueOptions.Tls)}").Get<TlsOptions>() ?? new TlsOptions();
        BrokerAddress address = BrokerAddress.Parse(connectionString);
        ConnectionFactory factory = new() { Uri = new Uri(address.First), ClientProvidedName = "WorkQueue.AppHost", AutomaticRecoveryEnabled = false, RequestedConnectionTimeout = ExternalLimit };
        TlsSettings.Apply(tls, factory.Ssl);
        return await factory.CreateConnectionAsync(address.Endpoints(factory.Ssl, tls.ServerName));
    }
}
