using System.Net;
using Aspire.Hosting;
using Aspire.Hosting.Testing;
using WorkQueue.Tests.EndToEnd;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

[Collection(OwnSystemTests.Name)]
public sealed class IntegrationTest
{
    [AppHostFact]
    // begin-snippet: integration-test
    public async Task A_task_is_accepted()
    {
        await using IDistributedApplicationTestingBuilder appHost =
            await DistributedApplicationTestingBuilder.CreateAsync<Projects.WorkQueue_AppHost>(["Broker:Mode=local", "Workers=1"]);
        await using DistributedApplication app = await appHost.BuildAsync();
        await app.StartAsync();
        await app.ResourceNotifications.WaitForResourceHealthyAsync("producer");

        using HttpClient producer = app.CreateHttpClient("producer", "http");
        using HttpResponseMessage answer = await producer.PostAsync("/tasks", new StringContent("Hello."));

        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
    }
    // end-snippet
}
