using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Wire;
using WorkQueue.Tests.Unit.History;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>All that the API asks of the queue: it writes down what it was told, and records it in the history.</summary>
internal sealed class FakeBroker(FakeHistory history, Records records) : ITaskQueue, IDeadLetters, IQueueCounts, ITaskControl, IWorkerDirectory, ITaskEvents
{
    public List<NewTask> Enqueued { get; } = [];

    public List<(string Topic, object? Payload)> Published { get; } = [];

    public List<TaskToCancel> Cancelled { get; } = [];

    public List<DeadLetterFilter> Discarded { get; } = [];

    public List<DeadLetterFilter> Redriven { get; } = [];

    public List<DeadLetter> Letters { get; } = [];

    public HashSet<string> Paused { get; } = [];

    /// <summary>Set: nothing can be enqueued.</summary>
    public bool IsAway { get; set; }

    /// <summary>Set: whatever is enqueued may have arrived or not.</summary>
    public bool IsUncertain { get; set; }

    /// <summary>Set: the queue refuses what is enqueued, and the history beside it stores it.</summary>
    public bool IsRefusing { get; set; }

    /// <summary>Set: the task that holds the key of whatever is enqueued.</summary>
    public string? Holder { get; set; }

    /// <summary>What becomes of a task that was enqueued.</summary>
    public Action<string>? OnEnqueued { get; set; }

    /// <summary>Set: the broker counts nothing.</summary>
    public bool IsUncounted { get; set; }

    public IReadOnlyList<QueueCount> Current => IsUncounted ? [] : [new("default", "wq.default", 3, Consumers, Dead) { Lanes = Lanes }];

    /// <summary>The lanes of the queue.</summary>
    public IReadOnlyList<LaneCount> Lanes { get; set; } = [];

    /// <summary>How many slots take from the queue.</summary>
    public int Consumers { get; set; } = 2;

    /// <summary>How many dead letters it counts.</summary>
    public int Dead { get; set; } = 1;

    public long? Delayed => 0;

    public long? Unrouted => 0;

    public long? Unreadable { get; set; } = 0;

    public IReadOnlyCollection<string> PausedQueues => Paused;

    IReadOnlyList<WorkerInfo> IWorkerDirectory.Current => [new("worker-1", "host", "1.0", 2, ["default"], default, default, [new RunningTask("a", "simulate", default)]) { Types = HandledTypes, Permits = new Dictionary<string, int> { ["default"] = 2 } }];

    /// <summary>What its worker says that it has handlers for; null: it does not say.</summary>
    public IReadOnlyList<string>? HandledTypes { get; set; }

    /// <summary>What an enqueue waits for.</summary>
    public Task Gate { get; set; } = Task.CompletedTask;

    public NewTask CreateTask<TPayload>(TPayload payload, TaskOptions? options = null) =>
        NewTaskRules.Create(payload, options ?? new TaskOptions(), new PayloadCodec(Options.Create(new TaskJsonOptions())));

    public async Task<EnqueuedTask> EnqueueAsync(NewTask task, CancellationToken cancellationToken = default)
    {
        await Gate;
        if (IsAway)
        {
            throw new TaskNotEnqueuedException(PublishOutcome.Unavailable, task.Id ?? "new", "The broker is away.");
        }

        if (IsUncertain)
        {
            throw new TaskNotEnqueuedException(PublishOutcome.Unknown, task.Id ?? "uncertain", "The broker did not confirm.");
        }

        if (IsRefusing)
        {
            history.Add(records.Queued(task.Id!) with { Body = task.Body, ContentType = task.ContentType });
            throw new TaskNotEnqueuedException(PublishOutcome.Refused, task.Id!, "The queue is full.");
        }

        if (task.Queue is not (null or "default"))
        {
            throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, $"No queue '{task.Queue}'.");
        }

        UniqueRules.Check(task.Unique, task.Delay);
        if (Holder is { } holder)
        {
            return new EnqueuedTask(holder, TaskState.Queued) { Existing = true };
        }

        string id = task.Id ?? Guid.NewGuid().ToString();
        Enqueued.Add(task);
        history.Add(records.Queued(id) with { Body = task.Body, ContentType = task.ContentType, RunOf = task.RunOf });
        OnEnqueued?.Invoke(id);
        return new EnqueuedTask(id, TaskState.Queued);
    }

    public async Task<IReadOnlyList<EnqueueResult>> EnqueueManyAsync(IReadOnlyList<NewTask> tasks, CancellationToken cancellationToken = default)
    {
        List<EnqueueResult> results = [];
        foreach (NewTask task in tasks)
        {
            try
            {
                results.Add(new EnqueueResult(task, await EnqueueAsync(task, cancellationToken), null));
            }
            catch (Exception refused) when (refused is InvalidTaskException or TaskNotEnqueuedException)
            {
                results.Add(new EnqueueResult(task, null, refused));
            }
        }

        return results;
    }

    public IAsyncEnumerable<EnqueueResult> EnqueueAllAsync(IAsyncEnumerable<NewTask> tasks, CancellationToken cancellationToken = default) => throw new NotSupportedException("The API does not use it.");

    public Task<TResult> CallAsync<TResult>(NewTask task, TimeSpan timeout, CancellationToken cancellationToken = default) => throw new NotSupportedException("The API does not use it.");

    public Task<string> PublishAsync<TPayload>(string topic, TPayload payload, CancellationToken cancellationToken = default)
    {
        if (topic.Contains("..", StringComparison.Ordinal))
        {
            throw new InvalidEventException(InvalidTaskReason.Malformed, $"'{topic}' is no topic.");
        }

        Published.Add(IsAway ? throw new EventNotPublishedException(PublishOutcome.Unavailable, topic, "The broker is away.") : (topic, payload));
        return Task.FromResult("event-1");
    }

    public Task<IReadOnlyList<DeadLetter>> ListAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) =>
        Task.FromResult<IReadOnlyList<DeadLetter>>([
            .. Letters.Where(letter => filter.Ids?.Contains(letter.Id) != false)
                .Select(letter => letter.PayloadBytes > filter.MaxPayloadBytes ? letter with { Payload = ReadOnlyMemory<byte>.Empty } : letter),
        ]);

    public Task<int> CountAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default) =>
        Task.FromResult(Letters.Count(letter => filter.Ids?.Contains(letter.Id) != false));

    public Task<int> RedriveAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default)
    {
        Redriven.Add(filter);
        return Task.FromResult(Letters.Count);
    }

    public Task<int> DiscardAsync(DeadLetterFilter filter, CancellationToken cancellationToken = default)
    {
        Discarded.Add(filter);
        return Task.FromResult(1);
    }

    public Task CancelAsync(IReadOnlyCollection<TaskToCancel> tasks, CancellationToken cancellationToken = default)
    {
        Cancelled.AddRange(tasks);
        return Task.CompletedTask;
    }

    public Task PauseAsync(string queue, CancellationToken cancellationToken = default) => SwitchAsync(queue, () => Paused.Add(queue));

    public Task ResumeAsync(string queue, CancellationToken cancellationToken = default) => SwitchAsync(queue, () => Paused.Remove(queue));

    private static Task SwitchAsync(string queue, Func<bool> change)
    {
        _ = queue == "default" ? change() : throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, $"No queue '{queue}'.");
        return Task.CompletedTask;
    }
}
