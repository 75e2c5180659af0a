using System.Net;
using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>Keys, priorities and lanes over HTTP.</summary>
public sealed class FlowApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync("--WorkQueue:Queues:default:Priorities=true", "--WorkQueue:Queues:laned:Lanes=4");

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Fact]
    public async Task A_key_and_a_priority_are_given_with_the_task_and_with_those_after_it()
    {
        (HttpStatusCode status, _) = await _api.PostAsync(
            "/tasks", """{"type":"simulate","payload":{},"priority":"high","then":[{"type":"simulate","payload":{},"queue":"laned","key":"tenant 7"},{"type":"simulate","payload":{},"priority":"low"}]}""");
        Assert.Equal(HttpStatusCode.Accepted, status);
        NewTask task = Assert.Single(_api.Broker.Enqueued);
        Assert.Equal(TaskPriority.High, task.Priority);
        Assert.Equal([("tenant 7", TaskPriority.Normal), (null, TaskPriority.Low)], task.Then.Select(step => (step.Key, step.Priority)));
    }

    [Theory]
    [InlineData("""{"type":"simulate","payload":{},"priority":"urgent"}""", "priority is 'urgent'; it is high, normal or low.")]
    [InlineData("""{"type":"simulate","payload":{},"then":[{"type":"simulate","payload":{},"priority":"2"}]}""", "then[0].priority is '2'")]
    public async Task A_priority_that_there_is_not_is_400_and_named(string body, string detail)
    {
        (HttpStatusCode status, JsonElement problem) = await _api.PostAsync("/tasks", body);
        Assert.Equal(HttpStatusCode.BadRequest, status);
        Assert.Contains(detail, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Empty(_api.Broker.Enqueued);
    }
}
