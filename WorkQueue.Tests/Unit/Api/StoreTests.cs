using System.Net;
using System.Text.Json;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Unit.History;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>The file of the task list: a copy that goes on where it stopped, and that may be lost at any time.</summary>
public sealed class StoreTests : IDisposable
{
    private readonly Records _records = new(new FakeClock());
    private readonly FakeHistory _history = new();
    private readonly string _folder = Path.Combine(Path.GetTempPath(), $"workqueue-store-{Guid.NewGuid():N}");

    private string Store => Path.Combine(_folder, "tasks.db");

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task A_start_goes_on_where_it_stopped()
    {
        await StartAndKnowAsync(_records.Queued("a"), _records.Dead("b"));
        long last = (await _history.FindEndAsync(CancellationToken.None))!.Value;
        _history.Add(_records.Succeeded("a"));
        await using ApiHost again = await StartAsync();
        await KnowsAsync(again, 2);
        Assert.Equal([null, last], _history.Followed);
        Assert.Equal("succeeded", (await again.GetAsync("/tasks/a")).Json.GetProperty("state").GetString());
        Assert.Equal(["b"], Ids((await again.GetAsync("/dead-letters")).Json.GetProperty("items")));
        Assert.Equal(1, (await again.GetAsync("/stats")).Json.GetProperty("counts").GetProperty("succeeded").GetInt32());
    }

    [Fact]
    public async Task An_empty_history_that_fills_without_a_pause_is_read_all_the_same()
    {
        FakeHistory busy = new() { IsNeverQuiet = true };
        await using ApiHost api = await ApiHost.StartInAsync("Development", busy, $"--WorkQueue:Board:Store={Store}");
        await Eventually.TrueAsync(() => busy.Followed.Count == 1, "it was empty when its end was looked for");
        int count = 0;
        await Eventually.TrueAsync(
            () =>
            {
                busy.Add(_records.Queued($"task-{count++}"));
                return !api.Projection.Progress.IsReplaying;
            },
            "it is read");
        Assert.Equal("live", (await api.GetAsync("/stats")).Json.GetProperty("history").GetProperty("state").GetString());
    }

    [Fact]
    public async Task A_success_that_is_told_again_after_a_restart_is_no_duplicate()
    {
        HistoryRecord done = _records.Succeeded("a");
        await StartAndKnowAsync(done);
        _history.Add(done with { Offset = done.Offset + 10 });
        await using ApiHost again = await StartAsync();
        await Eventually.TrueAsync(() => again.Projection.Progress.LastOffset == done.Offset + 10, "the second is applied");
        Assert.Equal(0, again.Projection.Counts().Duplicates);
    }

    [Fact]
    public async Task A_file_of_another_history_is_made_anew_from_the_beginning()
    {
        await StartAndKnowAsync(_records.Queued("a"), _records.Queued("b"));
        FakeHistory other = new();
        Records records = new(new FakeClock());
        other.Add(records.Queued("x"), records.Queued("y"), records.Queued("z"));
        await using ApiHost again = await ApiHost.StartInAsync("Development", other, $"--WorkQueue:Board:Store={Store}");
        await KnowsAsync(again, 3);
        Assert.Equal(["z", "y", "x"], Ids((await again.GetAsync("/tasks")).Json.GetProperty("items")));
    }

    [Fact]
    public async Task A_node_that_is_behind_for_a_moment_costs_no_file()
    {
        HistoryRecord first = _records.Queued("a"), last = _records.Queued("b");
        await StartAndKnowAsync(first, last);
        _history.LooksBehind = 2;
        await using ApiHost again = await StartAsync();
        await KnowsAsync(again, 2);
        await Eventually.TrueAsync(() => !again.Projection.Progress.IsReplaying, "it is read");
        Assert.Equal([null, last.Offset], _history.Followed);
    }

    [Fact]
    public async Task A_history_that_has_gone_on_for_longer_than_it_is_kept_is_read_from_its_beginning()
    {
        HistoryRecord old = _records.Queued("a");
        await StartAndKnowAsync(old);
        _history.Add(_records.Queued("b"));
        _history.Truncate(old.Offset + 1);
        await using ApiHost again = await StartAsync();
        await KnowsAsync(again, 1);
        Assert.Equal(["b"], Ids((await again.GetAsync("/tasks")).Json.GetProperty("items")));
    }

    [Theory]
    [InlineData("no database at all")]
    [InlineData("")]
    public async Task A_file_that_is_damaged_or_empty_loses_nothing(string contents)
    {
        await StartAndKnowAsync(_records.Queued("a"), _records.Dead("b"));
        await File.WriteAllTextAsync(Store, contents);
        await using ApiHost again = await StartAsync();
        await KnowsAsync(again, 2);
        Assert.Equal(["b", "a"], Ids((await again.GetAsync("/tasks")).Json.GetProperty("items")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_file_that_is_deleted_while_it_is_used_is_made_anew_with_its_folder_too(bool folder)
    {
        await using ApiHost api = await StartAsync();
        await RecordAsync(api, _records.Queued("a"), _records.Dead("b"));
        if (folder)
        {
            Directory.Delete(_folder, recursive: true);
        }
        else
        {
            File.Delete(Store);
        }

        _history.Add(_records.Queued("c"));
        await Eventually.TrueAsync(() => File.Exists(Store), "the file is there again");
        await Eventually.TrueAsync(async () => await api.GetAsync("/tasks") is (HttpStatusCode.OK, var json) && json.GetProperty("items").GetArrayLength() == 3, "everything is known again");
    }

    [Fact]
    public async Task Two_programs_that_name_one_file_have_a_file_each()
    {
        await using ApiHost first = await StartAsync();
        await using ApiHost second = await StartAsync();
        _history.Add(_records.Queued("a"));
        await KnowsAsync(first, 1);
        await KnowsAsync(second, 1);
        Assert.True(File.Exists(Path.Combine(_folder, "tasks.2.db")));
    }

    [Fact]
    public async Task Two_programs_have_a_file_each_also_after_somebody_deleted_everything()
    {
        await using ApiHost first = await StartAsync();
        await RecordAsync(first, _records.Queued("a"));
        Directory.Delete(_folder, recursive: true);
        _history.Add(_records.Queued("b"));
        await Eventually.TrueAsync(() => File.Exists(Store), "the file is there again");
        await using ApiHost second = await StartAsync();
        await KnowsAsync(second, 2);
        Assert.NotEqual(first.Projection.Database.Path, second.Projection.Database.Path);
    }

    [Fact]
    public async Task A_damaged_page_is_noticed_at_the_start_wherever_it_is()
    {
        await StartAndKnowAsync([.. Enumerable.Range(0, 500).Select(number => _records.Queued($"task-{number}"))]);
        await using (FileStream file = new(Store, FileMode.Open, FileAccess.ReadWrite))
        {
            // All but the first page, which says where the tables are.
            file.Position = 4096;
            await file.WriteAsync(new byte[file.Length - 4096]);
        }

        await using ApiHost again = await StartAsync();
        await KnowsAsync(again, 500);
    }

    [Fact]
    public async Task A_file_that_cannot_be_made_stops_the_start_with_its_setting()
    {
        Directory.CreateDirectory(_folder);
        await File.WriteAllTextAsync(Path.Combine(_folder, "file"), "");
        Exception refused = await Assert.ThrowsAnyAsync<Exception>(() => ApiHost.StartAsync($"--WorkQueue:Board:Store={_folder}/file/tasks.db"));
        Assert.Contains($"WorkQueue:Board:Store is '{_folder}/file/tasks.db', where no file can be kept", refused.Message, StringComparison.Ordinal);
    }

    private static IEnumerable<string?> Ids(JsonElement items) => items.EnumerateArray().Select(item => item.GetProperty("id").GetString());

    private Task<ApiHost> StartAsync() => ApiHost.StartInAsync("Development", _history, $"--WorkQueue:Board:Store={Store}");

    private async Task StartAndKnowAsync(params HistoryRecord[] records)
    {
        await using ApiHost api = await StartAsync();
        await RecordAsync(api, records);
    }

    private async Task RecordAsync(ApiHost api, params HistoryRecord[] records)
    {
        _history.Add(records);
        await Eventually.TrueAsync(() => api.Projection.Progress.LastOffset == records[^1].Offset, "the records are applied");
    }

    private static Task KnowsAsync(ApiHost api, int tasks) =>
        Eventually.TrueAsync(() => !api.Projection.Progress.IsReplaying && api.Projection.Counts().Confirmed == tasks, $"{tasks} tasks are known");
}
