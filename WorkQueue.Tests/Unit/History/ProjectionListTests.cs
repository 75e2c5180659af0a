using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

public sealed class ProjectionListTests
{
    private readonly FakeClock _clock = new();
    private readonly Records _records;

    public ProjectionListTests() => _records = new Records(_clock);

    [Fact]
    public void Pages_show_each_task_once_though_others_come_and_old_ones_go_in_between()
    {
        TaskProjection projection = Records.NewProjection(_clock, maxTasks: 5_000);
        Enqueue(projection, 0, 5_000, end: true);
        List<string> seen = [];
        TaskCursor? next = null;
        int more = 5_000;
        do
        {
            TaskPage page = projection.List(new TaskQuery { Limit = 700, Before = next });
            seen.AddRange(page.Items.Select(task => task.Id));
            next = page.Next;
            Enqueue(projection, more, 100, end: false);
            more += 100;
        }
        while (next is not null);
        Assert.Equal(seen.Distinct().Count(), seen.Count);
        Assert.Equal(Enumerable.Range(0, 5_000).Reverse().Select(number => $"task-{number}").Take(seen.Count), seen);
        // Eight pages; 700 tasks were dropped meanwhile, the oldest.
        Assert.InRange(seen.Count, 4_200, 5_000);
    }

    [Fact]
    public void A_cursor_of_a_task_that_is_gone_goes_on_where_it_was()
    {
        TaskProjection projection = Records.NewProjection(_clock, maxTasks: 3_000);
        Enqueue(projection, 0, 3_000, end: true);
        TaskCursor cursor = projection.List(new TaskQuery { Limit = 2_995 }).Next!.Value;
        Enqueue(projection, 3_000, 2_900, end: true);
        Assert.Empty(projection.List(new TaskQuery { Before = cursor }).Items);
        Assert.True(TaskCursor.TryParse(cursor.ToString(), out TaskCursor? read));
        Assert.Equal(cursor, read);
    }

    [Theory]
    [InlineData("")]
    [InlineData("5")]
    [InlineData("AAAAAAAAAAAA")]
    [InlineData("not-a-cursor")]
    [InlineData("Af__________")]
    public void What_is_no_cursor_is_not_taken_for_one(string text) => Assert.False(TaskCursor.TryParse(text, out _));

    [Fact]
    public void The_oldest_finished_tasks_are_dropped_first_dead_letters_last_and_unfinished_ones_never()
    {
        TaskProjection projection = Records.NewProjection(_clock, maxTasks: 4);
        projection.Apply([_records.Queued("waits"), _records.Dead("dead"), _records.Succeeded("first"), _records.Succeeded("second"), _records.Queued("new-1")]);
        Assert.Equal(["new-1", "second", "dead", "waits"], Ids(projection, new TaskQuery()));
        projection.Apply([_records.Queued("new-2"), _records.Queued("new-3"), _records.Queued("new-4")]);
        Assert.Equal(["new-4", "new-3", "new-2", "new-1", "waits"], Ids(projection, new TaskQuery()));
        Assert.Equal((8, 2, 1, 5, 3), (projection.Counts().Confirmed, projection.Counts()[TaskState.Succeeded], projection.Counts()[TaskState.DeadLettered], projection.Counts().Pending, projection.Counts().Dropped));
        Assert.Null(projection.Find("first"));
    }

    [Fact]
    public void A_query_takes_what_fits_everything()
    {
        TaskProjection projection = Records.NewProjection(_clock);
        projection.Apply(
        [
            _records.Queued("a"), _records.Running("b"), _records.Dead("c", "No such host"), _records.Queued("d") with { Type = "render-pdf" }, _records.Queued("e") with { Queue = "slow" },
        ]);
        Assert.Equal(["d", "a"], Ids(projection, new TaskQuery { States = new HashSet<TaskState> { TaskState.Queued }, Queue = "default" }));
        Assert.Equal(["d"], Ids(projection, new TaskQuery { Type = "render-pdf" }));
        Assert.Equal(["c"], Ids(projection, new TaskQuery { Search = "such HOST" }));
        Assert.Equal(["c", "b"], Ids(projection, new TaskQuery { Search = "worker-1" }));
        Assert.Equal(["a"], Ids(projection, new TaskQuery { Search = "a" }));
        Assert.Equal([], Ids(projection, new TaskQuery { Search = "a", States = new HashSet<TaskState> { TaskState.Running } }));
        Assert.Equal([], Ids(projection, new TaskQuery { Search = "nowhere" }));
    }

    [Fact]
    public void Tasks_are_found_by_words_of_their_payload_and_their_beginnings()
    {
        TaskProjection projection = Records.NewProjection(_clock);
        projection.Apply(
        [
            _records.Queued("a") with { Body = """{"customer":4711,"city":"Z\u00fcrich"}"""u8.ToArray() }, _records.Queued("b") with { Body = """{"customer":4712,"city":"Bern"}"""u8.ToArray() },
            _records.Queued("c") with { Body = "4711 as plain text"u8.ToArray(), ContentType = "text/plain" }, _records.Queued("d") with { Body = "4711"u8.ToArray(), ContentType = "application/pdf" },
        ]);
        Assert.Equal(["c", "a"], Ids(projection, new TaskQuery { Search = "4711" }));
        Assert.Equal(["a"], Ids(projection, new TaskQuery { Search = "zürich 4711" }));
        Assert.Equal(["b", "a"], Ids(projection, new TaskQuery { Search = "custom*" }));
        Assert.Equal(["b"], Ids(projection, new TaskQuery { Search = "custom*", Before = new TaskCursor(102), Limit = 1 }));
        Assert.Equal([], Ids(projection, new TaskQuery { Search = "\" OR * ( 'x" }));
    }

    [Fact]
    public void A_word_after_the_end_of_a_line_is_found_and_an_error_that_is_over_is_not()
    {
        TaskProjection projection = Records.NewProjection(_clock);
        projection.Apply([_records.Queued("a") with { Body = "\"hello\\nworld\""u8.ToArray() }, _records.Retrying("b", next: 2, TimeSpan.Zero, "no such host")]);
        Assert.Equal(["a"], Ids(projection, new TaskQuery { Search = "world" }));
        Assert.Equal(["b"], Ids(projection, new TaskQuery { Search = "such ho" }));
        projection.Apply(_records.Succeeded("b", attempt: 2));
        Assert.Equal([], Ids(projection, new TaskQuery { Search = "such ho" }));
        Assert.Equal([], Ids(projection, new TaskQuery { Search = "nothing\0of\U0001FAE8it" }));
    }

    [Fact]
    public void Of_very_many_ids_with_one_beginning_every_page_has_the_newest()
    {
        TaskProjection projection = Records.NewProjection(_clock);
        projection.Apply([.. Enumerable.Range(0, 12_000).Select(number => _records.Queued($"order-{number}"))]);
        List<string> seen = [];
        TaskCursor? next = null;
        do
        {
            TaskPage page = projection.List(new TaskQuery { Search = "order-", Limit = 1_000, Before = next });
            (seen, next) = ([.. seen, .. page.Items.Select(task => task.Id)], page.Next);
        }
        while (next is not null);
        Assert.Equal(Enumerable.Range(0, 12_000).Reverse().Select(number => $"order-{number}"), seen);
    }

    [Fact]
    public void A_task_is_found_by_the_beginning_of_its_id()
    {
        TaskProjection projection = Records.NewProjection(_clock);
        projection.Apply([_records.Queued("01a1fc80-1f02-7ce9-a264-9d53346c035d"), _records.Queued("01a1fc81-1f02-7ce9-a264-9d53346c035d"), _records.Queued("order-17")]);
        Assert.Equal(["01a1fc80-1f02-7ce9-a264-9d53346c035d"], Ids(projection, new TaskQuery { Search = "01a1fc80-1" }));
        Assert.Equal(2, Ids(projection, new TaskQuery { Search = "01A1" }).Count());
        Assert.Equal(["order-17"], Ids(projection, new TaskQuery { Search = "order-" }));
    }

    [Fact]
    public void What_the_history_has_dropped_is_forgotten_and_what_has_not_ended_stays()
    {
        TaskProjection projection = Records.NewProjection(_clock);
        projection.Apply([_records.Succeeded("done"), _records.Dead("dead"), _records.Queued("waits"), _records.Queued("ends later")]);
        _clock.Advance(TimeSpan.FromHours(1));
        HistoryRecord first = _records.Succeeded("ends later");
        projection.Apply(first);
        projection.ForgetBefore(first);
        Assert.Equal(["ends later", "waits"], Ids(projection, new TaskQuery()));
        Assert.Equal((2, 0, 0, first.At), (projection.Counts().Confirmed, projection.Counts()[TaskState.DeadLettered], projection.Counts().Dropped, projection.Progress.StartsAt));
        Assert.Empty(Records.LettersOf(projection));
    }

    private static IEnumerable<string> Ids(TaskProjection projection, TaskQuery query) => projection.List(query).Items.Select(task => task.Id);

    private void Enqueue(TaskProjection projection, int first, int count, bool end)
    {
        foreach (int number in Enumerable.Range(first, count))
        {
            projection.Apply(end ? _records.Succeeded($"task-{number}") : _records.Queued($"task-{number}"));
        }
    }
}
