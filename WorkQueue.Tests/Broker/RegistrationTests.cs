using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Hosting;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>The queue in somebody's services, with settings in code.</summary>
[Collection(BrokerTests.Name)]
public sealed class RegistrationTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task Without_any_configuration_a_registered_factory_and_settings_in_code_are_enough()
    {
        await using TestQueue queue = new(broker);
        ConnectionFactory own = new() { Uri = new Uri(broker.ConnectionString), RequestedHeartbeat = TimeSpan.FromSeconds(33) };
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Services.AddSingleton<IConnectionFactory>(own);
        builder.Services
            .AddTaskQueue(options => (options.Prefix, options.Heartbeat) = (queue.Prefix, TimeSpan.FromSeconds(8)))
            .AddTaskWorker()
            .AddTaskHandler("double", (int number, TaskContext _) => Task.FromResult(2 * number));
        using IHost host = builder.Build();
        await host.StartAsync();
        Assert.Equal(6, await host.Services.GetRequiredService<ITaskQueue>().CallAsync<int>("double", 3, TestEnvironment.Patience));
        BrokerAccess access = host.Services.GetRequiredService<BrokerAccess>();
        Assert.Equal((TimeSpan.FromSeconds(6), false), (access.Factory.RequestedHeartbeat, access.Factory.AutomaticRecoveryEnabled));
        // The program's own is as it was.
        Assert.Equal((TimeSpan.FromSeconds(33), true), (own.RequestedHeartbeat, own.AutomaticRecoveryEnabled));
        await host.StopAsync();
    }

    [Fact]
    public void What_is_set_in_code_beats_the_configuration_and_a_wrong_value_stops_the_start_wherever_it_is_from()
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("WorkQueue:Prefix", "from-section"), new("WorkQueue:MaxPayloadBytes", "1000")]);
        builder.Services.AddTaskQueue(options => options.Prefix = "from-code");
        using IHost host = builder.Build();
        WorkQueueOptions options = host.Services.GetRequiredService<IOptions<WorkQueueOptions>>().Value;
        Assert.Equal(("from-code", 1000), (options.Prefix, options.MaxPayloadBytes));

        HostApplicationBuilder wrong = Host.CreateEmptyApplicationBuilder(null);
        wrong.Services.AddTaskQueue(options => options.Heartbeat = TimeSpan.Zero);
        using IHost stopped = wrong.Build();
        OptionsValidationException refused = Assert.Throws<OptionsValidationException>(() => stopped.Services.GetRequiredService<IOptions<WorkQueueOptions>>().Value);
        Assert.Contains("WorkQueue:Heartbeat is '00:00:00'", refused.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("amqp://u:p@one:5673/v", "one:5673")]
    [InlineData("amqp://u:p@one,two:5674/v", "one:5672 two:5674")]
    public void A_connection_string_of_several_hosts_beats_a_registered_factory_and_one_of_a_single_host_does_not(string text, string expected)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:rabbitmq", text)]);
        builder.Services.AddSingleton<IConnectionFactory>(new ConnectionFactory { Uri = new Uri("amqp://u:p@one:5673/v") });
        builder.Services.AddTaskQueue();
        using IHost host = builder.Build();
        BrokerAccess access = host.Services.GetRequiredService<BrokerAccess>();
        Assert.Equal(expected, string.Join(' ', access.Endpoints.Select(endpoint => $"{endpoint.HostName}:{endpoint.Port}")));
        Assert.Equal(("u", "v"), (access.Factory.UserName, access.Factory.VirtualHost));
    }
}
