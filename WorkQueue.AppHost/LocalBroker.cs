using System.Globalization;
using System.Security.Cryptography;

namespace WorkQueue.AppHost;

/// <summary>An installed rabbitmq-server as a resource: an executable that has a connection string.</summary>
internal sealed class LocalRabbitMQResource(string name, string folder, string user, ParameterResource password)
    : ExecutableResource(name, "sh", folder), IResourceWithConnectionString
{
    public const string AmqpEndpoint = "amqp";

    public ReferenceExpression ConnectionStringExpression =>
        ReferenceExpression.Create($"amqp://{user}:{password:uri}@{new EndpointReference(this, AmqpEndpoint).Property(EndpointProperty.HostAndPort)}");
}

/// <summary>Runs local-broker.sh, which isolates the broker and says what each variable is for.</summary>
internal sealed class LocalBroker : IDisposable
{
    public const string ManagementEndpoint = "management";
    private const string KeptName = "broker";
    private static readonly TimeSpan CheckLimit = TimeSpan.FromSeconds(5);

    // Held while the AppHost lives, so that another one leaves the folder alone.
    private readonly FileStream _owner;

    private LocalBroker(IResourceBuilder<LocalRabbitMQResource> resource, FileStream owner) => (Resource, _owner) = (resource, owner);

    public IResourceBuilder<LocalRabbitMQResource> Resource { get; }

    /// <summary>The folder of its data.</summary>
    public string Folder => Resource.Resource.WorkingDirectory;

    /// <summary>The rabbitmq-server that would run, or null.</summary>
    public static async Task<string?> FindServerAsync(IDistributedApplicationBuilder builder) =>
        OperatingSystem.IsWindows() ? null : await ContainerEngine.AskAsync("sh", [Script(builder), "--check"], CheckLimit);

    public static LocalBroker Add(IDistributedApplicationBuilder builder, string name, string user, IResourceBuilder<ParameterResource> password, bool persist)
    {
        string root = Root(builder);
        RemoveLeftovers(root);
        string folder = Path.Combine(root, persist ? KeptName : $"{KeptName}-{RandomNumberGenerator.GetHexString(8, lowercase: true)}");
        FileStream owner = Hold(LockOf(folder))
            ?? throw new SettingException($"Broker:Persist is 'true', but another AppHost runs on {folder}: stop it, or start this one without.");
        Directory.CreateDirectory(folder);

        // Without a proxy in between, a broker that is down refuses connections, as it does in production.
        return new LocalBroker(builder.AddResource(new LocalRabbitMQResource(name, folder, user, password.Resource))
            .WithArgs(Script(builder))
            .WithEndpoint(scheme: "tcp", name: LocalRabbitMQResource.AmqpEndpoint, env: "RABBITMQ_NODE_PORT", isProxied: false)
            .WithEndpoint(scheme: "http", name: ManagementEndpoint, env: "WORKQUEUE_BROKER_MANAGEMENT_PORT", isProxied: false)
            .WithEndpoint(scheme: "tcp", name: "distribution", env: "RABBITMQ_DIST_PORT", isProxied: false)
            .WithEndpoint(scheme: "tcp", name: "epmd", env: "ERL_EPMD_PORT", isProxied: false)
            .WithEnvironment("WORKQUEUE_BROKER_DIR", folder)
            .WithEnvironment("WORKQUEUE_BROKER_USER", user)
            .WithEnvironment("WORKQUEUE_BROKER_PASSWORD", password)
            .WithEnvironment("WORKQUEUE_BROKER_CONSUMER_TIMEOUT", ConsumerTimeout(builder))
            .WithIconName("MailMultiple"), owner);
    }

    /// <summary>The folder for what runs leave behind.</summary>
    public static string Root(IDistributedApplicationBuilder builder) =>
        Directory.CreateDirectory(Path.GetFullPath(Path.Combine("..", ".workqueue"), builder.AppHostDirectory)).FullName;

    public void Dispose()
    {
        _owner.Dispose();
        if (Path.GetFileName(Folder) != KeptName)
        {
            Remove(Folder);
        }
    }

    // Of runs that were killed.
    private static void RemoveLeftovers(string root)
    {
        foreach (string file in Directory.GetFiles(root, LockOf($"{KeptName}-*")))
        {
            Remove(file[..^LockOf("").Length]);
        }
    }

    private static void Remove(string folder)
    {
        using FileStream? owner = Hold(LockOf(folder));
        try
        {
            if (owner is not null)
            {
                using FileStream? broker = Directory.Exists(folder) ? Hold(Path.Combine(folder, "running")) : null; // local-broker.sh has the broker hold it.
                if (broker is not null)
                {
                    Directory.Delete(folder, recursive: true);
                }

                if (!Directory.Exists(folder))
                {
                    File.Delete(owner.Name);
                }
            }
        }
        catch (Exception failure) when (failure is IOException or UnauthorizedAccessException)
        {
            // Its broker has not ended yet: a leftover for the next start.
        }
    }

    private static string LockOf(string folder) => folder + ".lock";

    /// <summary>Has a file to itself until it is disposed of; null where another process has it.</summary>
    public static FileStream? Hold(string file)
    {
        try
        {
            return new FileStream(file, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception taken) when (taken is IOException or UnauthorizedAccessException)
        {
            return null;
        }
    }

    // Below RabbitMQ 3.12 the limit is the broker's alone, so it follows the setting; a value that is none is reported by those who read it.
    private static string ConsumerTimeout(IDistributedApplicationBuilder builder) =>
        TimeSpan.TryParse(builder.Configuration["WorkQueue:BrokerConsumerTimeout"], CultureInfo.InvariantCulture, out TimeSpan limit) && limit > TimeSpan.Zero
            ? limit.TotalMilliseconds.ToString("0", CultureInfo.InvariantCulture)
            : "";

    private static string Script(IDistributedApplicationBuilder builder) => Path.Combine(builder.AppHostDirectory, "local-broker.sh");
}
