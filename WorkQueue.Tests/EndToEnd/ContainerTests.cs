using System.Net;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

[Collection(SystemTests.Name)]
public sealed class ContainerTests
{
    [ContainerFact]
    public async Task The_system_runs_on_a_broker_in_a_container()
    {
        string[] image = ContainerFactAttribute.Image is { } built ? [$"Broker:Image={built.Name}", $"Broker:Tag={built.Tag}"] : [];
        await using TestApp app = await TestApp.StartAsync(["Broker:Mode=container", "Workers=2", .. image]);
        using HttpResponseMessage answer = await app.SendAsync("contained.");
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
        await Eventually.TrueAsync(() => app.Lines("(simulate) done after").Length == 1, "the task is done");
    }
}
