using System.Net;
using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>How many workers a queue needs, over HTTP.</summary>
public sealed class ScalingApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync("--WorkQueue:Board:ScalingMax=7");

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Fact]
    public async Task It_is_a_number_with_all_that_it_was_made_of()
    {
        (HttpStatusCode status, JsonElement scaling) = await _api.GetAsync("/scaling?queue=default&target=00:00:10");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal((2, 3, 1, 2.0), (scaling.GetProperty("wanted").GetInt32(), scaling.GetProperty("backlog").GetInt32(), scaling.GetProperty("workers").GetInt32(), scaling.GetProperty("slotsPerWorker").GetDouble()));
        Assert.Equal(("00:00:10", 1, 7), (scaling.GetProperty("target").GetString(), scaling.GetProperty("min").GetInt32(), scaling.GetProperty("max").GetInt32()));
        Assert.StartsWith("3 wait, to be started within 00:00:10 (no task has ended in five minutes", scaling.GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_rate_of_a_key_bounds_what_more_workers_could_start()
    {
        await using ApiHost api = await ApiHost.StartAsync("--WorkQueue:Queues:default:Lanes=2", "--WorkQueue:Queues:default:RatePerKey=30/00:01:00", "--WorkQueue:Queues:default:MaxRunningPerKey=5");
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        await api.RecordAsync(api.Records.Queued("a") with { At = now, EnqueuedAt = now }, api.Records.Succeeded("a") with { At = now, StartedAt = now.AddSeconds(-0.4) });
        // In each lane half a start a second, of 0.4 s each, and one that has just begun.
        Assert.StartsWith("no more than 2.4 may run at once", (await api.GetAsync("/scaling?queue=default&target=00:00:01")).Json.GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_waits_for_the_rate_of_its_type_needs_no_more_workers_than_may_start_it()
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        await _api.RecordAsync(_api.Records.Queued("a") with { At = now, EnqueuedAt = now }, _api.Records.Succeeded("a") with { At = now, StartedAt = now.AddSeconds(-2) });
        _api.Broker.Lanes = [new("", "wq.default", 0, 1), new("type-sms", "wq.default.type-sms", 100_000, 0) { Rate = "30 per 00:01:00" }];
        // Half a start a second for thirty seconds, not the seven workers that a hundred thousand would need.
        JsonElement scaling = (await _api.GetAsync("/scaling?queue=default&target=00:00:30")).Json;
        Assert.InRange(scaling.GetProperty("wanted").GetInt32(), 1, 2);
        Assert.StartsWith("15 wait", scaling.GetProperty("reason").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_has_run_tells_how_long_a_task_takes_and_what_came_how_many_come()
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        await _api.RecordAsync([.. Enumerable.Range(0, 6).SelectMany(number => (HistoryRecord[])[
            _api.Records.Queued($"task-{number}") with { At = now, EnqueuedAt = now },
            _api.Records.Succeeded($"task-{number}") with { At = now, StartedAt = now.AddSeconds(-2) },
        ])]);
        JsonElement scaling = (await _api.GetAsync("/scaling?queue=default")).Json;
        Assert.Equal((0.1, 2.0), (scaling.GetProperty("arrivalPerSecond").GetDouble(), scaling.GetProperty("secondsPerTask").GetDouble()));
    }

    [Theory]
    [InlineData("/scaling", HttpStatusCode.BadRequest, "queue is missing")]
    [InlineData("/scaling?queue=nowhere", HttpStatusCode.UnprocessableEntity, "No queue 'nowhere'. Known: default.")]
    [InlineData("/scaling?queue=default&target=soon", HttpStatusCode.BadRequest, "target is 'soon'; it is 30s or 00:00:30, 1 s to 1 h.")]
    [InlineData("/scaling?queue=default&target=02:00:00", HttpStatusCode.BadRequest, "target is '02:00:00'")]
    [InlineData("/scaling?queue=default&min=-1", HttpStatusCode.BadRequest, "min is '-1'; it is 0 to 10000.")]
    [InlineData("/scaling?queue=default&max=0", HttpStatusCode.BadRequest, "max is '0'; it is 1 to 10000.")]
    [InlineData("/scaling?queue=default&min=5&max=2", HttpStatusCode.BadRequest, "min is '5', which is more than max (2).")]
    public async Task What_cannot_be_answered_is_refused_and_named(string call, HttpStatusCode expected, string detail)
    {
        (HttpStatusCode status, JsonElement problem) = await _api.GetAsync(call);
        Assert.Equal(expected, status);
        Assert.Contains(detail, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task While_the_broker_does_not_answer_it_is_no_number_and_the_workers_stay()
    {
        _api.Broker.IsUncounted = true;
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await _api.GetAsync("/scaling?queue=default")).Status);
    }
}
