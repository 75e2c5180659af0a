using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>Batches in the queue in memory: the same leader's code, and a clock to turn.</summary>
public sealed class BatchTests : IAsyncLifetime, IAsyncDisposable
{
    private readonly List<string> _ran = [];
    private readonly HashSet<string> _failing = [];
    private readonly TestTaskQueue _queue;

    public BatchTests() => _queue = new TestTaskQueue(
        services => services.AddTaskHandler<string>("probe", (text, context) =>
        {
            _ran.Add(text);
            return _failing.Contains(text) ? throw new TaskRejectedException("no") : text == "long" ? Task.Delay(TimeSpan.FromMinutes(1), context.Services.GetRequiredService<TimeProvider>(), context.CancellationToken) : Task.CompletedTask;
        }),
        options => options.Types["probe"] = new TaskTypeOptions { Timeout = TimeSpan.FromMinutes(20) });

    private ITaskBatches Batches => _queue.Services.GetRequiredService<ITaskBatches>();

    private static BatchOptions Followed => new() { Name = "some", OnSuccess = Probe("succeeded"), OnComplete = Probe("complete") };

    public Task InitializeAsync() => Task.CompletedTask;

    public ValueTask DisposeAsync() => _queue.DisposeAsync();

    Task IAsyncLifetime.DisposeAsync() => DisposeAsync().AsTask();

    [Fact]
    public async Task What_follows_runs_once_after_every_member()
    {
        TaskBatch batch = await Batches.EnqueueAsync([Probe("a"), Probe("b") with { Delay = TimeSpan.FromHours(1) }], Followed);
        Assert.Equal((BatchState.Running, 2, 2, "some"), (batch.State, batch.Total, batch.Pending, batch.Name));
        await _queue.RunAsync();
        Assert.Equal(["a"], _ran);
        await _queue.AdvanceAsync(TimeSpan.FromHours(2));
        Assert.Equal(["a", "b", "complete", "succeeded"], _ran);
        TaskBatch ended = (await Batches.FindAsync(batch.Id))!;
        Assert.Equal((BatchState.Succeeded, 2), (ended.State, ended.Succeeded));
        Assert.Equal([TaskBatch.IdOf(batch.Id, 0), TaskBatch.IdOf(batch.Id, 1), ended.OnCompleteId, ended.OnSuccessId], _queue.Tasks.Select(task => task.Id));
        await _queue.AdvanceAsync(TimeSpan.FromHours(25));
        Assert.Empty(await Batches.ListAsync());
    }

    [Fact]
    public async Task An_empty_one_that_is_closed_is_complete_at_once()
    {
        TaskBatch batch = await Batches.EnqueueAsync([], Followed);
        await _queue.RunAsync();
        Assert.Equal(["complete", "succeeded"], _ran);
        Assert.Equal(BatchState.Succeeded, (await Batches.FindAsync(batch.Id))!.State);
    }

    [Fact]
    public async Task One_that_is_not_closed_does_not_end()
    {
        TaskBatch batch = await Batches.OpenAsync(Followed);
        await Batches.AddAsync(batch.Id, [Probe("a")]);
        await _queue.AdvanceAsync(TimeSpan.FromDays(30));
        Assert.Equal(["a"], _ran);
        await Batches.AddAsync(batch.Id, [Probe("b")]);
        await Batches.CloseAsync(batch.Id);
        await _queue.RunAsync();
        Assert.Equal(["a", "b", "complete", "succeeded"], _ran);
        BatchRefusedException late = await Assert.ThrowsAsync<BatchRefusedException>(() => Batches.AddAsync(batch.Id, [Probe("c")]));
        Assert.Equal(BatchRefusal.NotPossible, late.Reason);
        await Assert.ThrowsAsync<BatchRefusedException>(() => Batches.CancelAsync(batch.Id));
    }

    [Fact]
    public async Task A_member_that_is_redriven_makes_it_succeed()
    {
        _failing.Add("b");
        TaskBatch batch = await Batches.EnqueueAsync([Probe("a"), Probe("b")], Followed);
        await _queue.RunAsync();
        Assert.Equal(["a", "b", "complete"], _ran);
        Assert.Equal((BatchState.Complete, 1), ((await Batches.FindAsync(batch.Id))!.State, (await Batches.FindAsync(batch.Id))!.DeadLettered));
        Assert.Equal([new BatchMember(batch.Id, 1)], await Batches.MembersAsync(batch.Id, TaskState.DeadLettered));
        _failing.Clear();
        await _queue.RedriveAsync();
        await _queue.RunAsync();
        Assert.Equal(["a", "b", "complete", "b", "succeeded"], _ran);
    }

    [Fact]
    public async Task A_cancelled_one_drops_what_waits_stops_what_runs_and_nothing_follows()
    {
        TaskBatch batch = await Batches.EnqueueAsync([Probe("a"), Probe("long"), Probe("later") with { Delay = TimeSpan.FromHours(1) }], Followed);
        await _queue.RunAsync();
        TaskBatch cancelled = await Batches.CancelAsync(batch.Id);
        Assert.Equal(BatchState.Cancelled, cancelled.State);
        await _queue.AdvanceAsync(TimeSpan.FromHours(2));
        Assert.Equal(["a", "long"], _ran);
        TaskBatch ended = (await Batches.FindAsync(batch.Id))!;
        Assert.Equal((1, 2, 0), (ended.Succeeded, ended.Cancelled, ended.Pending));
        Assert.Equal([TaskState.Succeeded, TaskState.Cancelled, TaskState.Cancelled], _queue.Tasks.Select(task => task.State));
    }

    [Fact]
    public async Task The_same_id_or_key_again_is_the_same()
    {
        BatchOptions options = Followed with { Id = Guid.CreateVersion7().ToString() };
        TaskBatch one = await Batches.EnqueueAsync([Probe("a"), Probe("b")], options);
        TaskBatch other = await Batches.EnqueueAsync([Probe("a"), Probe("b")], options);
        Assert.Equal((one.Id, 2), (other.Id, other.Total));
        BatchRefusedException differs = await Assert.ThrowsAsync<BatchRefusedException>(() => Batches.EnqueueAsync([Probe("a")], options));
        Assert.Contains("2 tasks were added before, and these are 1", differs.Message, StringComparison.Ordinal);
        TaskBatch open = await Batches.OpenAsync();
        IReadOnlyList<EnqueueResult> first = await Batches.AddAsync(open.Id, [Probe("c")], "key");
        Assert.Equal(first.Select(result => result.Task), (await Batches.AddAsync(open.Id, [Probe("c")], "key")).Select(result => result.Task));
        Assert.Equal(1, (await Batches.FindAsync(open.Id))!.Total);
        await _queue.RunAsync();
        Assert.Equal(["a", "b", "c", "complete", "succeeded"], _ran);
    }

    [Fact]
    public async Task What_cannot_be_changes_nothing()
    {
        await RefusedAsync([Probe("a"), Probe("b") with { Id = "mine" }], 1, "no id of its own");
        await RefusedAsync([Probe("a"), Probe("b"), Probe("c") with { Then = [Probe("d")] }], 2, "no tasks after it");
        await RefusedAsync([NewTask.Json("unknown", 1)], 0, "No task type 'unknown'");
        await RefusedAsync([Probe("a") with { Queue = "none" }], 0, "No queue 'none'");
        await RefusedAsync([null!], 0, "null");
        await Assert.ThrowsAsync<InvalidTaskException>(() => Batches.EnqueueAsync([Probe("a")], new BatchOptions { OnSuccess = NewTask.Json("unknown", 1) }));
        await Assert.ThrowsAsync<InvalidTaskException>(() => Batches.OpenAsync(new BatchOptions { OnComplete = Probe(new string('x', 17_000)) }));
        await Assert.ThrowsAsync<BatchRefusedException>(() => Batches.OpenAsync(new BatchOptions { Id = Guid.NewGuid().ToString() }));
        await Assert.ThrowsAsync<BatchRefusedException>(() => Batches.OpenAsync(new BatchOptions { Name = "" }));
        Assert.Empty(await Batches.ListAsync());
        Assert.Empty(_queue.Tasks);
        string none = Guid.CreateVersion7().ToString();
        Assert.Equal(BatchRefusal.Unknown, (await Assert.ThrowsAsync<BatchRefusedException>(() => Batches.AddAsync(none, [Probe("a")]))).Reason);
        Assert.Null(await Batches.FindAsync(none));
    }

    [Fact]
    public async Task A_callback_that_cannot_be_enqueued_is_a_problem_that_is_told_until_it_can()
    {
        await using TestTaskQueue queue = new(
            services => services.AddTaskHandler<string>("probe", (_, _) => Task.CompletedTask),
            options => options.Queues["small"] = new QueueOptions { MaxLength = 1 });
        ITaskBatches batches = queue.Services.GetRequiredService<ITaskBatches>();
        await queue.EnqueueAsync(Probe("fills") with { Queue = "small" });
        TaskBatch batch = await batches.EnqueueAsync([], new BatchOptions { OnComplete = Probe("complete") with { Queue = "small" } });
        // Before the queue is run, the leader finds it full.
        await batches.FindAsync(batch.Id);
        await queue.RunAsync();
        await queue.AdvanceAsync(TimeSpan.FromSeconds(10));
        TaskBatch ended = (await batches.FindAsync(batch.Id))!;
        Assert.Equal((BatchState.Succeeded, null), (ended.State, ended.Problem));
        Assert.Equal(TaskState.Succeeded, queue[ended.OnCompleteId!].State);
    }

    [Fact]
    public async Task A_handler_alone_sees_which_member_it_is()
    {
        BatchMember member = new(Guid.CreateVersion7().ToString(), 7);
        Seeing handler = new();
        await TaskTest.RunAsync(handler, "x", new TaskTestSettings { Batch = member });
        Assert.Equal(member, handler.Seen);
    }

    private sealed class Seeing : ITaskHandler<string>
    {
        public BatchMember? Seen { get; private set; }

        public Task<object?> HandleAsync(string payload, TaskContext context)
        {
            Seen = context.Batch;
            return Task.FromResult<object?>(null);
        }
    }

    private static NewTask Probe(string text) => NewTask.Json("probe", text);

    private async Task RefusedAsync(IReadOnlyList<NewTask> tasks, int index, string message)
    {
        InvalidTaskException refusal = await Assert.ThrowsAsync<InvalidTaskException>(() => Batches.EnqueueAsync(tasks));
        Assert.Equal(index, refusal.Index);
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
    }
}
