using Microsoft.Extensions.Options;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

public sealed class TaskFinderTests
{
    private readonly FakeClock _clock = new();
    private readonly Records _records;
    private readonly TaskProjection _projection;

    public TaskFinderTests() => (_records, _projection) = (new Records(_clock), Records.NewProjection(_clock));

    [Fact]
    public async Task A_task_enqueued_a_moment_ago_is_found_when_its_record_comes()
    {
        string id = Guid.CreateVersion7(_clock.Now).ToString();
        Task<TaskView?> found = FindAsync(id);
        _projection.Apply(_records.Queued("another"));
        Assert.False(found.IsCompleted);
        _projection.Apply(_records.Queued(id));
        Assert.Equal(id, (await found)?.Id);
    }

    [Fact]
    public async Task A_new_task_that_does_not_come_is_unknown_after_three_seconds()
    {
        Task<TaskView?> found = FindAsync(Guid.CreateVersion7(_clock.Now).ToString());
        _clock.Advance(TimeSpan.FromSeconds(3));
        _projection.Apply(_records.Queued("another"));
        Assert.Null(await found);
    }

    [Theory]
    [InlineData("order-17")]
    [InlineData("c5b1f9a2-9d2a-4c57-8f0a-5a2f7c1f6d11")]
    // Of 2024, and of the year 9999.
    [InlineData("018cc251-f400-7000-8000-000000000000")]
    [InlineData("e677d21f-d800-7000-8000-000000000000")]
    [InlineData("ffffffff-ffff-7fff-bfff-ffffffffffff")]
    public void Nobody_waits_for_an_id_that_tells_of_no_moment_ago(string id)
    {
        Task<TaskView?> found = FindAsync(id);
        Assert.True(found.IsCompletedSuccessfully);
    }

    [Theory]
    [InlineData(HistoryMode.Off)]
    [InlineData(HistoryMode.Failures)]
    public void Nobody_waits_for_what_is_not_recorded(HistoryMode history)
    {
        Task<TaskView?> found = FindAsync(Guid.CreateVersion7(_clock.Now).ToString(), history);
        Assert.True(found.IsCompletedSuccessfully);
    }

    private Task<TaskView?> FindAsync(string id, HistoryMode history = HistoryMode.All) =>
        new TaskFinder(_projection, new HistorySettings(Options.Create(new WorkQueueOptions { History = history })), _clock).FindAsync(id, CancellationToken.None);
}
