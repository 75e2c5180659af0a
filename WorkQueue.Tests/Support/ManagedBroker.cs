using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using WorkQueue.Board.Broker;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Support;

/// <summary>Tests on one broker with its management API.</summary>
[CollectionDefinition(Name)]
public sealed class ManagedBrokerTests : ICollectionFixture<ManagedBroker>
{
    public const string Name = "broker with its management API";
}

/// <summary>A broker with its management API, and policies.</summary>
public sealed class ManagedBroker : IAsyncLifetime
{
    private OwnedBroker? _owned;
    private BrokerFixture? _fixture;

    public async Task InitializeAsync()
    {
        if (OwnedBroker.Missing is null)
        {
            _owned = OwnedBroker.Create();
            _owned.Manage();
            await _owned.StartAsync();
            _fixture = BrokerFixture.Of(_owned);
        }
    }

    public Task DisposeAsync() => _fixture?.DisposeAsync() ?? Task.CompletedTask;

    internal TestQueue NewQueue(params (string Key, string Value)[] settings) => new(_fixture!, settings);

    /// <summary>Where its management API is.</summary>
    internal string ManagementUrl => $"http://127.0.0.1:{_owned!.ManagementPort}";

    /// <summary>Sets the one policy of a test, on its own queues unless it says otherwise.</summary>
    internal Task SetPolicyAsync(TestQueue queue, string definition, string? pattern = null) =>
        _owned!.ControlAsync("set_policy", "--apply-to", "queues", queue.Prefix, pattern ?? $@"^{queue.Prefix}\.", definition);

    /// <summary>Looks for policies on the queues of the host started last.</summary>
    internal PolicyWatch NewWatch(TestQueue queue)
    {
        IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection([
            KeyValuePair.Create("ConnectionStrings:rabbitmq", (string?)_owned!.ConnectionString),
            KeyValuePair.Create("WorkQueue:ManagementUrl", (string?)ManagementUrl)]).Build();
        IServiceProvider services = queue.Last.Services;
        ManagementClient management = new(new HttpClient(), configuration, services.GetRequiredService<ILogger<ManagementClient>>());
        return new PolicyWatch(management, services.GetRequiredService<QueuePolicies>(), TimeProvider.System, services.GetRequiredService<ILogger<PolicyWatch>>());
    }
}
