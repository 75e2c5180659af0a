using Aspire.Hosting;
using Aspire.Hosting.Testing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>A wrong setting stops the AppHost and says which one, and what is allowed.</summary>
public sealed class SettingsTests
{
    [Theory]
    [InlineData("Workers=0", "Workers", "1 to 100")]
    [InlineData("Workers=x", "Workers", "1 to 100")]
    [InlineData("Worker:Concurrency=0", "Worker:Concurrency", "1 to 1024")]
    [InlineData("Broker:Mode=foo", "Broker:Mode", "auto, container, local, external")]
    [InlineData("Broker:Persist=maybe", "Broker:Persist", "true or false")]
    [InlineData("--Worker=4", "Worker", "did you mean 'Workers'?")]
    public async Task A_wrong_setting_is_named_with_what_is_allowed(string argument, string key, string allowed)
    {
        string message = await RefusalAsync(argument.StartsWith("Broker:Mode", StringComparison.Ordinal) ? [argument] : ["Broker:Mode=local", argument]);
        Assert.Contains(key, message, StringComparison.Ordinal);
        Assert.Contains(allowed, message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_external_broker_that_is_not_there_is_named_with_its_setting()
    {
        int port = TestEnvironment.FreePort();
        string message = await RefusalAsync("Broker:Mode=external", $"ConnectionStrings:rabbitmq=amqp://u:secret@127.0.0.1:{port}");
        Assert.Contains("ConnectionStrings:rabbitmq", message, StringComparison.Ordinal);
        Assert.Contains($"127.0.0.1:{port}", message, StringComparison.Ordinal);
        Assert.DoesNotContain("secret", message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_external_broker_without_an_address_is_asked_for()
    {
        Assert.Contains("ConnectionStrings:rabbitmq", await RefusalAsync("Broker:Mode=external"), StringComparison.Ordinal);
    }

    private static async Task<string> RefusalAsync(params string[] arguments)
    {
        Exception refusal = await Assert.ThrowsAnyAsync<Exception>(async () =>
        {
            await using IDistributedApplicationTestingBuilder builder = await DistributedApplicationTestingBuilder.CreateAsync<Projects.WorkQueue_AppHost>(arguments);
            await using DistributedApplication app = await builder.BuildAsync();
            await app.StartAsync();
        });
        return refusal.ToString();
    }
}
