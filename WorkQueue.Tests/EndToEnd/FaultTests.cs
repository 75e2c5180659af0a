using System.Net;
using Aspire.Hosting.ApplicationModel;
using RabbitMQ.Client;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>Real processes are killed and stopped under a running system.</summary>
[Collection(OwnSystemTests.Name)]
public sealed class FaultTests
{
    [AppHostFact]
    public async Task Each_replica_is_a_consumer_and_a_killed_ones_task_is_finished_by_another()
    {
        await using TestApp app = await TestApp.StartAsync("Broker:Mode=local", "Workers=3");
        await using IConnection broker = await new ConnectionFactory { Uri = new Uri(await app.BrokerAsync()) }.CreateConnectionAsync();
        await using IChannel channel = await broker.CreateChannelAsync();
        await Eventually.EqualAsync(3, async () => await channel.ConsumerCountAsync("wq.default"), "three consumers");

        using HttpResponseMessage answer = await app.SendAsync("long......");
        await Eventually.TrueAsync(() => app.Lines("Received long......").Length == 1, "a worker has the task");
        string first = app.Lines("Received long......")[0].Replica;
        await app.KillAsync(first);

        await Eventually.TrueAsync(() => app.Lines("(simulate) done after").Length == 1, "the task is done all the same");
        (string Replica, string Line)[] runs = app.Lines("Received long......");
        Assert.Equal(2, runs.Length);
        Assert.NotEqual(first, runs[1].Replica);
        Assert.Equal(2u, await channel.ConsumerCountAsync("wq.default"));
    }

    [AppHostFact]
    public async Task Without_its_broker_the_producer_says_so_and_with_it_again_everything_goes_on()
    {
        await using TestApp app = await TestApp.StartAsync("Broker:Mode=local", "Workers=2");
        using HttpResponseMessage before = await app.SendAsync("before");
        Assert.Equal(HttpStatusCode.Accepted, before.StatusCode);
        await Eventually.TrueAsync(() => app.Lines("Received before").Length == 1, "the first task is taken");

        await ExecuteAsync(app, KnownResourceCommands.StopCommand);
        using HttpResponseMessage without = await app.SendAsync("without");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, without.StatusCode);
        Assert.True(without.Headers.RetryAfter?.Delta > TimeSpan.Zero);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await app.Producer.GetAsync("/health")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await app.Producer.GetAsync("/alive")).StatusCode);

        await ExecuteAsync(app, KnownResourceCommands.StartCommand);
        await Eventually.TrueAsync(async () => (await app.Producer.GetAsync("/health")).IsSuccessStatusCode, "the producer is healthy again", TimeSpan.FromSeconds(60));
        using HttpResponseMessage after = await app.SendAsync("after");
        Assert.Equal(HttpStatusCode.Accepted, after.StatusCode);
        await Eventually.TrueAsync(() => app.Lines("Received after").Length == 1, "a worker takes tasks again");
        Assert.Empty(app.Lines("Received without"));
    }

    private static async Task ExecuteAsync(TestApp app, string command)
    {
        await app.ExecuteAsync("rabbitmq", command);
        string state = command == KnownResourceCommands.StopCommand ? KnownResourceStates.Exited : KnownResourceStates.Running;
        await app.App.ResourceNotifications.WaitForResourceAsync("rabbitmq", [state, KnownResourceStates.Finished]).WaitAsync(TestEnvironment.Patience);
    }
}
