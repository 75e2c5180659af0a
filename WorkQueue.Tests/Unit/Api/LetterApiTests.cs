using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.Api;

public sealed class LetterApiTests : IAsyncLifetime
{
    private ApiHost _api = null!;

    public async Task InitializeAsync() => _api = await ApiHost.StartAsync();

    public async Task DisposeAsync() => await _api.DisposeAsync();

    [Fact]
    public async Task Letters_are_listed_from_the_history_page_by_page_with_payload_and_filters()
    {
        await _api.RecordAsync(
            _api.Records.Dead("a", "bang") with { Body = """{"n":1}"""u8.ToArray(), ContentType = "application/json" },
            _api.Records.Dead("b", "other") with { Body = "text"u8.ToArray(), ContentType = "text/plain" },
            _api.Records.Dead("a", "bang again"));
        JsonElement first = (await _api.GetAsync("/dead-letters?queue=default&limit=2")).Json;
        Assert.Equal(["a", "b"], Ids(first));
        Assert.Equal((1, "text"), (first.GetProperty("items")[0].GetProperty("payload").GetProperty("n").GetInt32(), first.GetProperty("items")[1].GetProperty("text").GetString()));
        JsonElement second = (await _api.GetAsync($"/dead-letters?queue=default&limit=2&cursor={first.GetProperty("next").GetString()}")).Json;
        Assert.Equal(["a"], Ids(second));
        Assert.Equal(JsonValueKind.Null, second.GetProperty("next").ValueKind);
        Assert.Equal(["a", "a"], Ids((await _api.GetAsync("/dead-letters?error=BANG")).Json));
        Assert.Empty(Ids((await _api.GetAsync("/dead-letters?type=other")).Json));
        Assert.Equal(2, (await _api.PostAsync("/dead-letters/redrive", """{"error":"bang","dryRun":true}""")).Json.GetProperty("count").GetInt32());
    }

    [Fact]
    public async Task A_list_that_differs_from_what_the_broker_counted_says_so_and_one_that_does_not_is_silent()
    {
        await _api.RecordAsync(_api.Records.Dead("a"));
        Assert.Equal(JsonValueKind.Null, (await _api.GetAsync("/dead-letters")).Json.GetProperty("note").ValueKind);
        _api.Broker.IsUncounted = true;
        Assert.StartsWith("The queues cannot be counted", (await _api.GetAsync("/dead-letters")).Json.GetProperty("note").GetString(), StringComparison.Ordinal);
        _api.Broker.IsUncounted = false;
        await _api.RecordAsync(_api.Records.Dead("b"));
        Assert.StartsWith("The broker counted 1 dead letters at most a second ago, and the history, which this list is from, tells of 2.", (await _api.GetAsync("/dead-letters")).Json.GetProperty("note").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Without_history_the_queue_is_read()
    {
        await using ApiHost off = await ApiHost.StartAsync("--WorkQueue:History=off");
        off.Broker.Letters.Add(new DeadLetter { Id = "q", Type = "simulate", Queue = "default", Reason = "no", Attempt = 1, Redriven = 0, Payload = default, Headers = new Dictionary<string, object?>() });
        Assert.Equal(["q"], Ids((await off.GetAsync("/dead-letters")).Json));
    }

    private static string[] Ids(JsonElement page) => [.. page.GetProperty("items").EnumerateArray().Select(letter => letter.GetProperty("id").GetString()!)];
}
