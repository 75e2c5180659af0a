using System.Globalization;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Batches;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Unit.Batches;

/// <summary>What a leader does for batches, and what the next one does that goes on from its log.</summary>
public sealed class BatchKeeperTests : IAsyncLifetime, IAsyncDisposable
{
    private readonly string _id = Guid.CreateVersion7().ToString();
    private readonly TestTaskQueue _queue = new(services => services.AddTaskHandler<string>("probe", (_, _) => Task.CompletedTask));
    private readonly Leader _leader;

    public BatchKeeperTests() => _leader = new Leader(_queue);

    public Task InitializeAsync() => Task.CompletedTask;

    public ValueTask DisposeAsync() => _queue.DisposeAsync();

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    [Fact]
    public async Task An_end_that_is_told_again_or_of_nobody_changes_nothing()
    {
        await OpenAsync(3);
        int before = _leader.Log.Count;
        await EndAsync(TaskState.Succeeded, 0);
        await EndAsync(TaskState.Succeeded, 0);
        await EndAsync(TaskState.Succeeded, 3);
        await _leader.ObeyAsync(End($"{_id}:1", "another", TaskState.Succeeded), End($"{_id}:x", "another", TaskState.Succeeded), End("nothing", "another", TaskState.Succeeded), End($"{_id}:2", TaskBatch.IdOf(_id, 2), TaskState.Retrying));
        Assert.Equal(before + 1, _leader.Log.Count);
        Assert.Equal((2, 1), (_leader.View(_id).Pending, _leader.View(_id).Succeeded));
    }

    [Fact]
    public async Task Ends_that_come_together_are_one_entry()
    {
        await OpenAsync(500);
        int before = _leader.Log.Count;
        await EndAsync(TaskState.Succeeded, [.. Enumerable.Range(0, 500)]);
        Assert.Equal(before + 1, _leader.Log.Count);
        Assert.Equal(500, _leader.View(_id).Succeeded);
    }

    [Fact]
    public async Task A_dead_letter_that_is_redriven_makes_the_batch_succeed_after_it_was_complete()
    {
        await OpenAsync(2);
        await CloseAsync();
        await EndAsync(TaskState.Succeeded, 0);
        await EndAsync(TaskState.DeadLettered, 1);
        await _leader.WorkAsync();
        Assert.Equal((BatchState.Complete, 1), (_leader.View(_id).State, _queue.Tasks.Count));
        await EndAsync(TaskState.Succeeded, 1);
        await _leader.WorkAsync();
        await _leader.WorkAsync();
        Assert.Equal((BatchState.Succeeded, 2, 0), (_leader.View(_id).State, _leader.View(_id).Succeeded, _leader.View(_id).DeadLettered));
        Assert.Equal([_leader.View(_id).OnCompleteId, _leader.View(_id).OnSuccessId], _queue.Tasks.Select(task => task.Id));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public async Task A_leader_that_dies_between_a_callback_and_its_entry_leaves_it_to_the_next_one(int written)
    {
        await OpenAsync(1);
        await CloseAsync();
        await EndAsync(TaskState.Succeeded, 0);
        _leader.Left = written - 1;
        await Assert.ThrowsAsync<PublishFailedException>(_leader.WorkAsync);
        Leader next = _leader.Next();
        await next.WorkAsync();
        Assert.Equal(BatchState.Succeeded, next.View(_id).State);
        await _queue.RunAsync();
        // Under one id each, however often.
        Assert.Equal([next.View(_id).OnCompleteId, next.View(_id).OnSuccessId], _queue.Tasks.Select(task => task.Id).Distinct());
    }

    [Fact]
    public async Task A_leader_that_dies_while_it_cancels_leaves_that_to_the_next_one()
    {
        await OpenAsync(1500);
        await EndAsync(TaskState.Succeeded, 7);
        Assert.Null((await _leader.AskAsync(BatchCommand.Cancel, new BatchCommand(_id))).Refusal);
        _leader.Left = 1;
        await Assert.ThrowsAsync<PublishFailedException>(_leader.WorkAsync);
        Leader next = _leader.Next();
        await next.WorkAsync();
        // The first thousand, and then all of them.
        Assert.Equal((1, 2), (_leader.Sent.Count, next.Sent.Count));
        Assert.Equal((BatchState.Cancelled, 1499), (next.View(_id).State, next.View(_id).Pending));
        await EndAsync(TaskState.Cancelled, [.. Enumerable.Range(0, 1500)], next);
        await next.WorkAsync();
        Assert.Empty(_queue.Tasks);
        Assert.Equal((1499, 1, 0), (next.View(_id).Cancelled, next.View(_id).Succeeded, next.View(_id).Pending));
        Assert.StartsWith("NotPossible", (await next.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "k", Count: 1))).Refusal, StringComparison.Ordinal);
        Assert.StartsWith("NotPossible", (await next.AskAsync(BatchCommand.Close, new BatchCommand(_id))).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Commands_that_come_again_are_obeyed_once()
    {
        await OpenAsync(2);
        await _leader.AskAsync(BatchCommand.Open, OpenCommand());
        Assert.Equal("2", (await _leader.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "more", IsNamed: true, Count: 3))).Text);
        Assert.Equal("2 again", (await _leader.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "more", IsNamed: true, Count: 3))).Text);
        Assert.Contains("3 tasks were added before, and these are 4", (await _leader.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "more", IsNamed: true, Count: 4))).Refusal, StringComparison.Ordinal);
        _queue.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Contains("by their key 'more'", _leader.View(_id).Problem, StringComparison.Ordinal);
        string refusal = (await _leader.AskAsync(BatchCommand.Close, new BatchCommand(_id))).Refusal!;
        Assert.Contains("3 tasks that were to be added", refusal, StringComparison.Ordinal);
        Assert.Contains("by their key 'more'", refusal, StringComparison.Ordinal);
        await _leader.AskAsync(BatchCommand.Filled, new BatchCommand(_id, Key: "more", Out: [4]));
        await _leader.AskAsync(BatchCommand.Filled, new BatchCommand(_id, Key: "more", Out: [3]));
        Assert.Equal("2 filled", (await _leader.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "more", IsNamed: true, Count: 3))).Text);
        await CloseAsync();
        await CloseAsync();
        Assert.Equal((4, BatchState.Running), (_leader.View(_id).Total, _leader.View(_id).State));
    }

    [Fact]
    public async Task One_that_added_without_a_key_is_known_as_long_as_its_command_may_come_again()
    {
        await OpenAsync(2);
        Assert.Equal("0 filled", (await _leader.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "first", Count: 2))).Text);
        Leader next = _leader.Next();
        Assert.Equal("0 filled", (await next.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "first", Count: 2))).Text);
        _queue.Clock.Advance(TimeSpan.FromMinutes(2));
        await next.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "second", Count: 1));
        Assert.Equal("3", (await next.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "first", Count: 2))).Text);
    }

    [Fact]
    public async Task Tasks_of_which_nobody_said_that_they_are_added_are_no_problem_once_they_have_ended()
    {
        await OpenAsync(1);
        await _leader.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "more", Count: 2));
        await EndAsync(TaskState.Succeeded, 0, 1);
        _queue.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.NotNull(_leader.View(_id).Problem);
        Assert.NotNull((await _leader.AskAsync(BatchCommand.Close, new BatchCommand(_id))).Refusal);
        await EndAsync(TaskState.Succeeded, 2);
        Assert.Null(_leader.View(_id).Problem);
        await CloseAsync();
        await _leader.WorkAsync();
        Assert.Equal(BatchState.Succeeded, _leader.View(_id).State);
    }

    [Fact]
    public async Task What_was_written_anew_is_what_there_was()
    {
        await OpenAsync(100);
        await EndAsync(TaskState.Succeeded, 1, 2, 3);
        await EndAsync(TaskState.DeadLettered, 4);
        await _leader.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "open", IsNamed: true, Count: 5));
        TaskBatch before = _leader.View(_id);
        int first = _leader.Log.Count;
        await _leader.Keeper.WriteAllAsync(_leader);
        Leader next = _leader.Next(first);
        Assert.Equal(before, next.View(_id));
        _queue.Clock.Advance(TimeSpan.FromMinutes(6));
        Assert.Contains("by their key 'open'", (await next.AskAsync(BatchCommand.Close, new BatchCommand(_id))).Refusal, StringComparison.Ordinal);
        await EndAsync(TaskState.Succeeded, [4, 3], next);
        Assert.Equal((4, 0, 101), (next.View(_id).Succeeded, next.View(_id).DeadLettered, next.View(_id).Pending));
    }

    [Fact]
    public async Task Of_a_log_that_was_deleted_the_next_leader_knows_what_it_had_read()
    {
        await OpenAsync(2);
        _leader.Keeper.Forget();
        Assert.Null(_leader.Book.Find(_id, batch => batch.Id));
        _leader.Keeper.Begin();
        await _leader.Keeper.WriteAllAsync(_leader);
        await EndAsync(TaskState.Succeeded, 1);
        Assert.Equal((2, 1), (_leader.View(_id).Total, _leader.View(_id).Succeeded));
    }

    [Fact]
    public async Task One_that_has_ended_is_kept_for_a_day_and_with_dead_letters_for_a_week()
    {
        await OpenAsync(1);
        await CloseAsync();
        await EndAsync(TaskState.DeadLettered, 0);
        DateTimeOffset? due = await _leader.WorkAsync();
        Assert.Equal(TimeSpan.FromDays(7), due - _queue.Clock.GetUtcNow());
        _queue.Clock.Advance(TimeSpan.FromDays(6));
        await EndAsync(TaskState.Succeeded, 0);
        due = await _leader.WorkAsync();
        Assert.Equal(TimeSpan.FromDays(1), due - _queue.Clock.GetUtcNow());
        _queue.Clock.Advance(TimeSpan.FromDays(1));
        Assert.Null(await _leader.WorkAsync());
        Assert.Null(_leader.Book.Find(_id, batch => batch.Id));
        Assert.StartsWith("Unknown", (await _leader.AskAsync(BatchCommand.Close, new BatchCommand(_id))).Refusal, StringComparison.Ordinal);
    }

    [Fact]
    public async Task No_more_are_opened_or_added_than_there_may_be()
    {
        for (int number = 0; number < BatchOrders.MostBatches; number++)
        {
            Assert.Null((await _leader.AskAsync(BatchCommand.Open, OpenCommand() with { Id = Guid.CreateVersion7().ToString() })).Refusal);
        }

        Assert.Contains("There are 1000 batches", (await _leader.AskAsync(BatchCommand.Open, OpenCommand())).Refusal, StringComparison.Ordinal);
        string one = _leader.Book.All(default)[0].Id;
        Assert.Null((await _leader.AskAsync(BatchCommand.Add, new BatchCommand(one, Key: "a", Count: 99_999))).Refusal);
        Assert.Contains("at most 100000", (await _leader.AskAsync(BatchCommand.Add, new BatchCommand(one, Key: "b", Count: 2))).Refusal, StringComparison.Ordinal);
        Assert.Contains("at most 100000", (await _leader.AskAsync(BatchCommand.Add, new BatchCommand(one, Key: "b", Count: int.MaxValue))).Refusal, StringComparison.Ordinal);
        Assert.Null((await _leader.AskAsync(BatchCommand.Add, new BatchCommand(one, Key: "b", Count: 1))).Refusal);
    }

    [Fact]
    public async Task What_cannot_be_read_is_refused_and_harms_nothing()
    {
        foreach ((string kind, string body) in ((string, string)[])[(BatchCommand.Open, "{}"), (BatchCommand.Open, "null"), (BatchCommand.Add, "{"), (BatchCommand.Ended, "{"), ("batch.other", "{\"id\":\"x\"}")])
        {
            LeaderEntry command = new(kind, System.Text.Encoding.UTF8.GetBytes(body), "by");
            Assert.NotNull(_leader.Keeper.ThingOf(command));
            LeaderAnswer answer = (await _leader.Keeper.ObeyAsync([command], _leader))[0];
            Assert.Equal(kind == BatchCommand.Ended, answer.Refusal is null);
        }

        Assert.Empty(_leader.Log);
        Assert.Null(_leader.Keeper.ThingOf(new LeaderEntry("schedule.ended", default)));
    }

    [Fact]
    public async Task What_is_added_again_by_its_key_is_told_that_some_of_it_may_be_enqueued()
    {
        await _leader.AskAsync(BatchCommand.Open, OpenCommand());
        BatchCommand add = new(_id, Key: "k", IsNamed: true, Count: 3);
        Assert.Equal("0", (await _leader.AskAsync(BatchCommand.Add, add)).Text);
        Assert.Equal("0 again", (await _leader.AskAsync(BatchCommand.Add, add)).Text);
        await _leader.AskAsync(BatchCommand.Filled, add);
        Assert.Equal("0 filled", (await _leader.AskAsync(BatchCommand.Add, add)).Text);
    }

    [Fact]
    public async Task A_batch_that_is_enqueued_at_once_is_closed_by_that_and_says_so_where_nobody_came_to_it()
    {
        BatchCommand open = OpenCommand();
        await _leader.AskAsync(BatchCommand.Open, open with { Start = open.Start! with { ClosesWhenFilled = true } });
        Assert.Null(_leader.View(_id).Problem);
        await _queue.AdvanceAsync(TimeSpan.FromMinutes(6));
        Assert.Contains("enqueue them again under the id", _leader.View(_id).Problem, StringComparison.Ordinal);
        BatchCommand all = new(_id, Key: BatchOrders.AllAtOnce, IsNamed: true, Count: 2);
        await _leader.AskAsync(BatchCommand.Add, all);
        await _leader.AskAsync(BatchCommand.Filled, all);
        Assert.Equal((BatchState.Running, null), (_leader.View(_id).State, _leader.View(_id).Problem));
    }

    private async Task OpenAsync(int members)
    {
        Assert.Null((await _leader.AskAsync(BatchCommand.Open, OpenCommand())).Refusal);
        Assert.Equal("0", (await _leader.AskAsync(BatchCommand.Add, new BatchCommand(_id, Key: "first", Count: members))).Text);
        await _leader.AskAsync(BatchCommand.Filled, new BatchCommand(_id, Key: "first"));
    }

    private BatchCommand OpenCommand()
    {
        BatchTask probe = BatchTask.Of(NewTask.Json("probe", "follows"))!;
        return new BatchCommand(_id, new BatchStart("name", _queue.Clock.GetUtcNow(), probe, probe, null, null));
    }

    private async Task CloseAsync() => Assert.Null((await _leader.AskAsync(BatchCommand.Close, new BatchCommand(_id))).Refusal);

    private Task<IReadOnlyList<LeaderAnswer>> EndAsync(TaskState state, params int[] numbers) => EndAsync(state, numbers, _leader);

    private Task<IReadOnlyList<LeaderAnswer>> EndAsync(TaskState state, int[] numbers, Leader leader) => leader.ObeyAsync([.. numbers.Select(number => End(string.Create(CultureInfo.InvariantCulture, $"{_id}:{number}"), TaskBatch.IdOf(_id, number), state))]);

    private static LeaderEntry End(string name, string taskId, TaskState state) =>
        new(BatchCommand.Ended, JsonSerializer.SerializeToUtf8Bytes(new TaskEnd(name, taskId, 0, state), TaskEndJson.Default.TaskEnd));

    /// <summary>A leader whose log is a list; it may die in the middle.</summary>
    private sealed class Leader : ILeaderSession, IPublisher
    {
        private readonly TestTaskQueue _queue;

        public Leader(TestTaskQueue queue)
        {
            _queue = queue;
            Keeper = new BatchKeeper(
                Book, new ControlWriter(this, queue.Services.GetRequiredService<TaskTopology>(), queue.Services.GetRequiredService<IOptions<WorkQueueOptions>>()), queue.Services.GetRequiredService<WorkQueueTelemetry>(), queue.Clock, NullLogger<BatchKeeper>.Instance);
        }

        public BatchBook Book { get; } = new();

        public BatchKeeper Keeper { get; }

        public List<LeaderEntry> Log { get; } = [];

        public List<OutgoingMessage> Sent { get; } = [];

        /// <summary>What it may still write or send.</summary>
        public int Left { get; set; } = int.MaxValue;

        public TaskPublisher Tasks => _queue.Services.GetRequiredService<TaskPublisher>();

        public Task WriteAsync(LeaderEntry entry)
        {
            Use();
            Log.Add(entry);
            Keeper.Read(entry);
            return Task.CompletedTask;
        }

        public Task RepairAsync() => Task.CompletedTask;

        public Task ReplyAsync(string queue, LeaderEntry entry) => Task.CompletedTask;

        public ValueTask PublishAsync(OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken)
        {
            Use();
            Sent.Add(message);
            return ValueTask.CompletedTask;
        }

        /// <summary>The next one, which has read the log from an entry on.</summary>
        public Leader Next(int first = 0)
        {
            Leader next = new(_queue);
            foreach (LeaderEntry entry in Log.Skip(first))
            {
                next.Log.Add(entry);
                next.Keeper.Read(entry);
            }

            next.Keeper.Begin();
            return next;
        }

        public TaskBatch View(string id) => Book.Find(id, batch => batch.ToView(_queue.Clock.GetUtcNow()))!;

        public Task<DateTimeOffset?> WorkAsync() => Keeper.WorkAsync(this, CancellationToken.None);

        public Task<IReadOnlyList<LeaderAnswer>> ObeyAsync(params LeaderEntry[] commands) => Keeper.ObeyAsync(commands, this);

        public async Task<LeaderAnswer> AskAsync(string kind, BatchCommand command) => (await ObeyAsync(new LeaderEntry(kind, command.Write(), "by")))[0];

        private void Use()
        {
            if (Left-- <= 0)
            {
                throw new PublishFailedException(PublishOutcome.Unknown, "It has died.");
            }
        }
    }
}
