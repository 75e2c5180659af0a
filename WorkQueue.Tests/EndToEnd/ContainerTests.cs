using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.ApplicationModel;
using Aspire.Hosting.Testing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The system on a broker in a container, each image in turn.</summary>
[Collection(SystemTests.Name)]
public sealed class ContainerTests : IAsyncLifetime
{
    // Of the test's own: the one of the AppHost's folder may hold a developer's data.
    private readonly string _volume = $"workqueue-test-{Guid.NewGuid():N}";

    public static TheoryData<string> Images => [.. TestEnvironment.ContainerImages];

    [ContainerTheory]
    [MemberData(nameof(Images))]
    public async Task A_task_runs_and_is_known_again_by_a_second_run_on_the_same_volume(string image)
    {
        string id;
        await using (TestApp app = await StartAsync(image, "the-password-1"))
        {
            using HttpResponseMessage answer = await app.SendAsync("contained.");
            Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
            id = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
            await Eventually.TrueAsync(() => app.Lines("(simulate) done after").Length == 1, "the task is done");
            // From RabbitMQ's management API, which counts every five seconds.
            await Eventually.TrueAsync(
                async () => (await app.Producer.GetFromJsonAsync<JsonElement>("/queues")).GetProperty("items")[0].GetProperty("unacknowledged").ValueKind == JsonValueKind.Number, "the management plugin answers");
        }

        await using (TestApp app = await StartAsync(image, "the-password-1"))
        {
            await Eventually.TrueAsync(async () => (await app.Producer.GetAsync($"/tasks/{id}")).IsSuccessStatusCode, "the task is known");
        }

        // The volume has the first password's user: no worker may wait without a word.
        using StringWriter said = new();
        TextWriter errors = Console.Error;
        Console.SetError(said);
        try
        {
            await Assert.ThrowsAnyAsync<Exception>(() => StartAsync(image, "another-password"));
        }
        finally
        {
            Console.SetError(errors);
        }

        Assert.Contains("The broker refuses the user 'workqueue': its data was made with another password.", said.ToString(), StringComparison.Ordinal);
    }

    public Task InitializeAsync() => Task.CompletedTask;

    public Task DisposeAsync() => OtherProgram.RunAsync("docker", ["volume", "rm", "--force", _volume]);

    private Task<TestApp> StartAsync(string image, string password)
    {
        int colon = image.LastIndexOf(':');
        return TestApp.StartAsync(
            OnOwnVolume, "Broker:Mode=container", "Broker:Persist=true", "Workers=2", $"Broker:Image={image[..colon]}", $"Broker:Tag={image[(colon + 1)..]}", $"Parameters:rabbitmq-password={password}");
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
