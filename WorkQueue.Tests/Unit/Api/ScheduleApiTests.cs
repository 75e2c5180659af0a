using System.Net;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;

namespace WorkQueue.Tests.Unit.Api;

public sealed class ScheduleApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public Task DisposeAsync() => _api.DisposeAsync().AsTask();

    [Fact]
    public async Task A_schedule_is_made_changed_listed_run_paused_and_removed()
    {
        (HttpStatusCode status, JsonElement made) = await PutAsync("nightly", """{"cron":"0 3 * * *","timeZone":"Europe/Berlin","type":"simulate","payload":{"text":"night"}}""");
        Assert.Equal(HttpStatusCode.OK, status);
        Assert.Equal(("nightly", "one", "allow", 5), (made.GetProperty("name").GetString(), made.GetProperty("missed").GetString(), made.GetProperty("overlap").GetString(), made.GetProperty("next").GetArrayLength()));
        Assert.Equal("night", made.GetProperty("payload").GetProperty("text").GetString());

        (_, JsonElement changed) = await PutAsync("nightly", """{"cron":"0 4 * * *","type":"simulate","missed":"all","overlap":"skip"}""");
        Assert.Equal(("0 4 * * *", "UTC", "all", "skip"), (changed.GetProperty("cron").GetString(), changed.GetProperty("timeZone").GetString(), changed.GetProperty("missed").GetString(), changed.GetProperty("overlap").GetString()));
        (_, JsonElement list) = await _api.GetAsync("/schedules");
        Assert.Equal(1, list.GetProperty("items").GetArrayLength());

        (HttpStatusCode accepted, JsonElement run) = await _api.PostAsync("/schedules/nightly/run");
        Assert.Equal(HttpStatusCode.Accepted, accepted);
        (_, JsonElement paused) = await _api.PostAsync("/schedules/nightly/pause");
        Assert.True(paused.GetProperty("paused").GetBoolean());
        Assert.Equal(0, paused.GetProperty("next").GetArrayLength());
        Assert.Equal(run.GetProperty("id").GetString(), paused.GetProperty("runs")[0].GetProperty("taskId").GetString());
        (_, JsonElement resumed) = await _api.PostAsync("/schedules/nightly/resume");
        Assert.False(resumed.GetProperty("paused").GetBoolean());

        using HttpResponseMessage removed = await _api.Http.DeleteAsync("/schedules/nightly");
        Assert.Equal(HttpStatusCode.OK, removed.StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _api.GetAsync("/schedules/nightly")).Status);
    }

    [Theory]
    [InlineData("""{"cron":"0 3 * *","type":"simulate"}""", 400, "4 field(s)")]
    [InlineData("""{"cron":"0 3 30 2 *","type":"simulate"}""", 400, "never due")]
    [InlineData("""{"cron":"0 3 * * *","type":"simulate","timeZone":"Mars/Base"}""", 400, "timeZone is 'Mars/Base'")]
    [InlineData("""{"cron":"0 3 * * *","type":"simulate","missed":"some"}""", 400, "missed is 'some'; it is skip, one, all.")]
    [InlineData("""{"cron":"0 3 * * *","type":"simulate","overlap":"Skip"}""", 400, "overlap is 'Skip'; it is allow, skip.")]
    [InlineData("""{"cron":"0 3 * * *","type":"simulate","priority":"urgent"}""", 400, "priority is 'urgent'; it is normal, high, low.")]
    [InlineData("""{"cron":"0 3 * * *","type":"simulate","priority":"high"}""", 400, "WorkQueue:Queues:default:Priorities")]
    [InlineData("""{"cron":"0 3 * * *","type":"simulate","key":"tenant-1"}""", 400, "WorkQueue:Queues:default:Lanes")]
    [InlineData("""{"cron":"0 3 * * *"}""", 400, "type")]
    [InlineData("""{"cron":"0 3 * * *","type":"simulate","zone":"UTC"}""", 400, "zone")]
    [InlineData("""{"cron":null,"type":"simulate"}""", 400, "cron")]
    [InlineData("[]", 400, "not what this call takes")]
    [InlineData("""{"cron":"0 3 * * *","type":"unheard-of"}""", 422, "No task type 'unheard-of'")]
    [InlineData("""{"cron":"0 3 * * *","type":"simulate","queue":"none"}""", 422, "No queue 'none'")]
    public async Task What_cannot_be_is_refused_with_the_place_and_changes_nothing(string body, int status, string detail)
    {
        (HttpStatusCode refused, JsonElement problem) = await PutAsync("wrong", body);
        Assert.Equal(status, (int)refused);
        Assert.Contains(detail, problem.GetProperty("detail").GetString(), StringComparison.Ordinal);
        Assert.Equal(0, (await _api.GetAsync("/schedules")).Json.GetProperty("items").GetArrayLength());
    }

    [Fact]
    public async Task A_name_that_cannot_be_is_refused()
    {
        Assert.Equal(HttpStatusCode.BadRequest, (await PutAsync("a%20b", """{"cron":"0 3 * * *","type":"simulate"}""")).Status);
        Assert.Equal(HttpStatusCode.BadRequest, (await PutAsync(new string('x', 101), """{"cron":"0 3 * * *","type":"simulate"}""")).Status);
    }

    [Theory]
    [InlineData("run")]
    [InlineData("pause")]
    [InlineData("resume")]
    public async Task One_that_is_not_there_is_404(string verb) => Assert.Equal(HttpStatusCode.NotFound, (await _api.PostAsync($"/schedules/none/{verb}")).Status);

    private async Task<(HttpStatusCode Status, JsonElement Json)> PutAsync(string name, string body)
    {
        using StringContent content = new(body, Encoding.UTF8, "application/json");
        using HttpResponseMessage answer = await _api.Http.PutAsync($"/schedules/{name}", content);
        return (answer.StatusCode, await answer.Content.ReadFromJsonAsync<JsonElement>());
    }
}
