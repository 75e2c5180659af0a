using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What trying again cannot mend stops the program, with one message.</summary>
[Collection(BrokerTests.Name)]
public sealed class RefusalTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_wrong_password_stops_the_program_and_names_the_setting()
    {
        UriBuilder wrong = new(broker.ConnectionString) { Password = "wrong" };
        string message = await StoppedByAsync(wrong.Uri.ToString(), "wq");
        Assert.Contains("refused the user name or password", message, StringComparison.Ordinal);
        Assert.Contains("ConnectionStrings:rabbitmq", message, StringComparison.Ordinal);
    }

    [BrokerFact]
    public async Task A_vhost_that_is_not_there_stops_the_program_and_is_named()
    {
        UriBuilder wrong = new(broker.ConnectionString) { Path = "/nowhere" };
        string message = await StoppedByAsync(wrong.Uri.ToString(), "wq");
        Assert.Contains("vhost 'nowhere'", message, StringComparison.Ordinal);
    }

    [BrokerFact]
    public async Task A_queue_that_exists_with_other_arguments_stops_the_program_and_is_left_as_it_is()
    {
        await using TestQueue queue = new(broker);
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.QueueDeclareAsync($"{queue.Prefix}.default", durable: true, exclusive: false, autoDelete: false);
        string message = await StoppedByAsync(broker.ConnectionString, queue.Prefix);
        Assert.Contains($"The queue '{queue.Prefix}.default' has x-", message, StringComparison.Ordinal);
        Assert.Contains("and the settings ask for ", message, StringComparison.Ordinal);
        Assert.Equal(0u, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task A_queue_with_the_delivery_limit_of_an_earlier_version_is_used_as_it_is()
    {
        await using TestQueue queue = new(broker);
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.ExchangeDeclareAsync($"{queue.Prefix}.dead", "direct", durable: true);
        await plain.QueueDeclareAsync($"{queue.Prefix}.default", durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?>
        {
            ["x-queue-type"] = "quorum",
            ["x-delivery-limit"] = 20,
            ["x-dead-letter-exchange"] = $"{queue.Prefix}.dead",
            ["x-dead-letter-routing-key"] = "default",
            ["x-dead-letter-strategy"] = "at-least-once",
            ["x-overflow"] = "reject-publish",
            ["x-consumer-timeout"] = 1_800_000L,
        });
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync();
        await producer.ProbeAsync();
        await queue.Runs.NextAsync();
        Assert.Contains(queue.Logged, line => line.Contains($"{queue.Prefix}.default keeps the broker's delivery limit of 20", StringComparison.Ordinal));

        // Deleted to get the new one. What is enqueued within a tenth of a second after that may be counted as of the old one.
        await plain.QueueDeleteAsync($"{queue.Prefix}.default");
        await Eventually.TrueAsync(async () => await producer.ProbeAsync().ContinueWith(sent => sent.IsCompletedSuccessfully, TaskScheduler.Default) && queue.Runs.All.Count > 1, "it is declared again, and tasks run");
    }

    private static async Task<string> StoppedByAsync(string connectionString, string prefix)
    {
        System.Collections.Concurrent.ConcurrentQueue<string> logged = new();
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection([
            KeyValuePair.Create("ConnectionStrings:rabbitmq", (string?)connectionString), KeyValuePair.Create("WorkQueue:Prefix", (string?)prefix)]);
        builder.Logging.AddProvider(new LineLogger(logged));
        builder.AddTaskQueue();
        using IHost host = builder.Build();
        TaskCompletionSource stopping = new();
        host.Services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping.Register(stopping.SetResult);
        await host.StartAsync();
        await stopping.Task.WaitAsync(TestEnvironment.Patience);
        await host.StopAsync();
        // The test process must not end with the code the program would.
        Environment.ExitCode = 0;
        return Assert.Single(logged, line => line.StartsWith("Critical", StringComparison.Ordinal));
    }
}
