using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The system on a broker in a container.</summary>
[Collection(OwnSystemTests.Name)]
public sealed class ContainerTests : IAsyncLifetime
{
    // Of the test's own: the one of the AppHost's folder may hold a developer's data.
    private readonly string _volume = $"workqueue-test-{Guid.NewGuid():N}";

    [ContainerFact]
    public async Task A_task_runs_and_a_second_run_on_the_same_volume_knows_it_and_one_with_another_password_says_so()
    {
        string id;
        await using (TestApp app = await StartAsync("the-password-1"))
        {
            id = await RunAsync(app);
        }

        await using (TestApp app = await StartAsync("the-password-1"))
        {
            await Eventually.TrueAsync(async () => (await app.Producer.GetAsync($"/tasks/{id}")).IsSuccessStatusCode, "the task is known");
        }

        // The volume has the first password's user: no worker may wait without a word.
        using StringWriter said = new();
        TextWriter errors = Console.Error;
        Console.SetError(said);
        try
        {
            await Assert.ThrowsAnyAsync<Exception>(() => StartAsync("another-password"));
        }
        finally
        {
            Console.SetError(errors);
        }

        Assert.Contains("The broker refuses its user 'workqueue': its data was made with another password.", said.ToString(), StringComparison.Ordinal);
    }

    [ContainerFact]
    public async Task An_image_that_is_not_to_be_had_stops_the_start()
    {
        await using OtherProgram run = OtherProgram.Start(TestEnvironment.Built("WorkQueue.AppHost"), ["--Broker:Mode=container", "--Broker:Image=nobody/has-this", "--Broker:Tag=1"], ("DOTNET_ENVIRONMENT", "Development"));
        Assert.Equal(1, await run.EndAsync(TestEnvironment.Patience));
        Assert.Contains("neither has the image nobody/has-this:1 nor can pull it", Assert.Single(run.Errors), StringComparison.Ordinal);
    }

    [ContainerFact]
    public async Task An_image_that_is_no_broker_stops_the_start_and_leaves_no_container()
    {
        string image = $"workqueue-test-no-broker:{Guid.NewGuid():N}";
        string made = (await OtherProgram.RunAsync("docker", ["create", TestEnvironment.ContainerImage]))[0];
        await OtherProgram.RunAsync("docker", ["commit", "--change", "ENTRYPOINT [\"sleep\", \"infinity\"]", made, image]);
        await OtherProgram.RunAsync("docker", ["rm", made]);
        try
        {
            await using OtherProgram run = OtherProgram.Start(
                TestEnvironment.Built("WorkQueue.AppHost"),
                ["--Broker:Mode=container", $"--Broker:Image={image.Split(':')[0]}", $"--Broker:Tag={image.Split(':')[1]}", "--Broker:StartLimit=00:00:10", "--DcpPublisher:RandomizePorts=true"],
                ("DOTNET_ENVIRONMENT", "Development"), ("ASPIRE_ALLOW_UNSECURED_TRANSPORT", "true"));
            int code = await run.EndAsync(2 * TestEnvironment.Patience);
            Assert.True(code == 1, $"It ended with {code}:\n{string.Join('\n', run.Errors.Concat(run.Output))}");
            Assert.Contains("has run for 00:00:10 and let nobody log in: is it RabbitMQ?", Assert.Single(run.Errors), StringComparison.Ordinal);
            // The engine gives it ten seconds to end by itself.
            await Eventually.TrueAsync(async () => (await OtherProgram.RunAsync("docker", ["ps", "--all", "--quiet", "--filter", $"ancestor={image}"])).Length == 0, "its container is gone");
        }
        finally
        {
            await OtherProgram.RunAsync("docker", ["image", "rm", "--force", image]);
        }
    }

    private static async Task<string> RunAsync(TestApp app)
    {
        using HttpResponseMessage answer = await app.SendAsync("contained.");
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        await Eventually.TrueAsync(() => app.Lines("(simulate) done after").Length == 1, "the task is done");
        // From the management plugin, which counts every five seconds. Before the first count there is no queue.
        await Eventually.TrueAsync(
            async () => (await app.Producer.GetFromJsonAsync<JsonElement>("/queues")).GetProperty("items").EnumerateArray().FirstOrDefault() is { ValueKind: JsonValueKind.Object } queue
                && queue.GetProperty("unacknowledged").ValueKind == JsonValueKind.Number,
            "the management plugin answers");
        return (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => OtherProgram.RunAsync("docker", ["volume", "rm", "--force", _volume]);

    private Task<TestApp> StartAsync(string password)
    {
        string image = TestEnvironment.ContainerImage;
        int colon = image.LastIndexOf(':');
        return TestApp.StartAsync(
            OnOwnVolume, "DcpPublisher:WaitForResourceCleanup=true", "Broker:Mode=container", "Broker:Persist=true", "Workers=2", $"Broker:Image={image[..colon]}", $"Broker:Tag={image[(colon + 1)..]}", $"Parameters:rabbitmq-password={password}");
    }

    private void OnOwnVolume(IDistributedApplicationTestingBuilder builder)
    {
        RabbitMQServerResource broker = builder.Resources.OfType<RabbitMQServerResource>().Single();
        ContainerMountAnnotation volume = Assert.Single(broker.Annotations.OfType<ContainerMountAnnotation>());
        broker.Annotations.Remove(volume);
        broker.Annotations.Add(new ContainerMountAnnotation(_volume, volume.Target, volume.Type, volume.IsReadOnly));
        // A persistent one would outlive the test, under a name that a developer's has too.
        builder.CreateResourceBuilder(broker).WithLifetime(ContainerLifetime.Session);
    }
}
