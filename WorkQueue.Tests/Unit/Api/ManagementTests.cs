using System.Net;
using System.Text.Json;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using WorkQueue.Board.Broker;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Topology;
using WorkQueue.Tests.Unit.History;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>A management API that is named wrongly, or does not answer.</summary>
public sealed class ManagementTests
{
    [Theory]
    [InlineData("localhost:15672")]
    [InlineData("ftp://localhost")]
    [InlineData("management")]
    public async Task An_address_that_cannot_be_asked_ends_nothing_and_is_named(string url)
    {
        await using ApiHost api = await ApiHost.StartAsync($"--WorkQueue:ManagementUrl={url}", "--ConnectionStrings:rabbitmq=amqp://localhost");
        (HttpStatusCode status, JsonElement queues) = await api.GetAsync("/queues");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Contains("WorkQueue:ManagementUrl", queues.GetRawText(), StringComparison.Ordinal);
        using Answers answers = new();
        Assert.Contains(url, NewClient(answers, url).Problem, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Warnings_are_kept_while_the_API_is_silent_for_a_moment_and_forgotten_after_minutes()
    {
        FakeClock clock = new();
        using Answers answers = new();
        IOptions<WorkQueueOptions> options = Options.Create(new WorkQueueOptions());
        using PolicyWatch watch = new(
            NewClient(answers, "http://localhost:15672"), new QueuePolicies(new TaskTopology(options), options), clock, NullLogger<PolicyWatch>.Instance);
        await watch.RefreshAsync(default);
        Assert.NotEmpty(watch.Warnings);
        answers.AreThere = false;
        clock.Advance(TimeSpan.FromMinutes(2));
        await watch.RefreshAsync(default);
        Assert.NotEmpty(watch.Warnings);
        clock.Advance(TimeSpan.FromMinutes(4));
        await watch.RefreshAsync(default);
        Assert.Empty(watch.Warnings);
    }

    private static ManagementClient NewClient(Answers answers, string url)
    {
        IConfiguration configuration = new ConfigurationBuilder().AddInMemoryCollection([
            KeyValuePair.Create("ConnectionStrings:rabbitmq", (string?)"amqp://localhost"), KeyValuePair.Create("WorkQueue:ManagementUrl", (string?)url)]).Build();
        return new ManagementClient(new HttpClient(answers), configuration, NullLogger<ManagementClient>.Instance);
    }

    private sealed class Answers : HttpMessageHandler
    {
        public bool AreThere { get; set; } = true;

        protected override Task<HttpResponseMessage> SendAsync(HttpRequestMessage request, CancellationToken cancellationToken) => Task.FromResult(
            new HttpResponseMessage(AreThere ? HttpStatusCode.OK : HttpStatusCode.ServiceUnavailable)
            {
                Content = new StringContent("""[{"name":"wq.default","policy":"all","effective_policy_definition":{"message-ttl":2000}}]"""),
            });
    }
}
