using System.Text;
using RabbitMQ.Client;

namespace WorkQueue.Tests.Support;

/// <summary>One broker for all tests that need one and do not harm it.</summary>
#pragma warning disable CA1001 // xunit calls IAsyncLifetime.DisposeAsync.
public sealed class BrokerFixture : IAsyncLifetime
#pragma warning restore CA1001
{
    private OwnedBroker? _owned;

    public string ConnectionString => TestEnvironment.ExternalBroker ?? _owned?.ConnectionString ?? throw new InvalidOperationException("The broker is not started.");

    /// <summary>A broker that a test has set up in its own way; it ends with the fixture.</summary>
    internal static BrokerFixture Of(OwnedBroker started) => new() { _owned = started, KeepsLadders = false };

    /// <summary>Its tests change nothing that would outlive them.</summary>
    internal bool KeepsLadders { get; private init; } = true;

    public async Task InitializeAsync()
    {
        // Asked for even where every test is skipped.
        if (TestEnvironment.ExternalBroker is null && OwnedBroker.Missing is null)
        {
            _owned = OwnedBroker.Create();
            await _owned.StartAsync();
        }
    }

    public async Task DisposeAsync()
    {
        if (_owned is not null)
        {
            await _owned.DisposeAsync();
        }
    }

    /// <summary>A plain client's connection, as a program in another language would have.</summary>
    internal Task<IConnection> ConnectAsync() => new ConnectionFactory { Uri = new Uri(ConnectionString) }.CreateConnectionAsync("plain client");

    /// <summary>What the broker says of itself.</summary>
    internal async Task<Version> VersionAsync()
    {
        await using IConnection connection = await ConnectAsync();
        return VersionOf(connection);
    }

    /// <summary>What the broker of a connection says of itself.</summary>
    internal static Version VersionOf(IConnection connection) => Version.Parse(Encoding.UTF8.GetString((byte[])connection.ServerProperties!["version"]!));
}

/// <summary>The tests that share the broker; each has queues of its own.</summary>
[CollectionDefinition(Name)]
public sealed class BrokerTests : ICollectionFixture<BrokerFixture>
{
    public const string Name = "broker";
}

/// <summary>More of them, beside the others, on a broker of their own: those of what a program that leads does, and other long ones.</summary>
[CollectionDefinition(Name)]
public sealed class MoreBrokerTests : ICollectionFixture<BrokerFixture>
{
    public const string Name = "another broker";
}
