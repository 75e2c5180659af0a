using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Calls;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;
using WorkQueue.Testing.Clocks;
using WorkQueue.Testing.Hosting;
using WorkQueue.Testing.InMemory;
using WorkQueue.Testing.Running;

namespace WorkQueue.Testing;

/// <summary>
/// A task queue in memory, for tests without a broker. Tasks are checked, written, run, retried and dead-lettered by the code of the library, by the same settings;
/// only RabbitMQ is left out. Nothing runs by itself: <see cref="RunAsync"/> runs what is due, and <see cref="AdvanceAsync"/> turns the clock.
/// </summary>
/// <remarks>
/// Tasks of all queues are run, one after the other in the order in which they are due. A handler that waits for the clock, or for a task that it calls, lets the
/// next one begin. Schedules and batches are those of the library. Not in it: several workers, crashes and redeliveries, cancelling and pausing by <c>ITaskControl</c>, <c>ITaskHistory</c>, <c>IWorkerDirectory</c>.
/// </remarks>
public sealed class TestTaskQueue : ITaskQueue, IAsyncDisposable
{
    private readonly ServiceProvider _services;
    private readonly TestClock _clock;
    private readonly TaskRecords _records;
    private readonly QueueDriver _driver;
    private readonly TaskClient _client;
    private volatile bool _isDisposed;

    /// <summary>Makes a queue.</summary>
    /// <param name="configure">
    /// Adds handlers, event handlers, middlewares and the services that they need, with fakes where the test wants them: what a program calls on its own services. What
    /// handlers get as <see cref="ITaskQueue"/> and as <see cref="TimeProvider"/> are this queue and its clock.
    /// </param>
    /// <param name="settings">
    /// Changes the settings. Other than in production retries have no jitter (<see cref="RetryOptions.Jitter"/> is 0) and many tasks are enqueued one after the other
    /// (<see cref="WorkQueueOptions.PublishWindow"/> is 1), unless it is set here; <see cref="WorkQueueOptions.History"/> is always whole.
    /// </param>
    /// <exception cref="OptionsValidationException">A setting is wrong.</exception>
    public TestTaskQueue(Action<IServiceCollection>? configure = null, Action<WorkQueueOptions>? settings = null)
    {
        _services = TestServices.Build(this, configure, settings);
        _clock = _services.GetRequiredService<TestClock>();
        _records = _services.GetRequiredService<TaskRecords>();
        _client = _services.GetRequiredService<TaskClient>();
        _driver = _services.GetRequiredService<QueueDriver>();
    }

    /// <summary>The time of the queue and of its handlers. It begins at the present time, in UTC and whole seconds, and stands still; to turn it with what falls due, call <see cref="AdvanceAsync"/>.</summary>
    public FakeTimeProvider Clock => _clock;

    /// <summary>The services of the handlers.</summary>
    public IServiceProvider Services => _services;

    /// <summary>How long a handler may run, in real time, until it has ended or waits for the clock. Default 10 s.</summary>
    public TimeSpan Patience
    {
        get => _driver.Patience;
        set => _driver.Patience = value;
    }

    /// <summary>All tasks, also those that handlers enqueued, in the order in which they were enqueued.</summary>
    public IReadOnlyList<TestTask> Tasks => _records.All;

    /// <summary>The dead letters, the oldest first.</summary>
    public IReadOnlyList<DeadLetter> DeadLetters => [.. _services.GetRequiredService<MemoryBroker>().Letters.Select(found => found.Letter)];

    /// <summary>What handlers of temporary subscriptions threw: such events are passed over, as in production.</summary>
    public IReadOnlyList<Exception> EventErrors => [.. _services.GetRequiredService<TaskRunner>().EventErrors];

    /// <summary>A task.</summary>
    /// <param name="id">Its id.</param>
    /// <exception cref="KeyNotFoundException">There is none with this id.</exception>
    public TestTask this[string id] => _records.Find(id) ?? throw new KeyNotFoundException($"No task '{id}' was enqueued.");

    /// <summary>
    /// Runs everything that is due now, and what is enqueued meanwhile, until nothing is due any more. The clock stands still: what waits for it,
    /// a retry, a task for later or a handler in a <see cref="Task.Delay(TimeSpan, TimeProvider)"/>, goes on waiting.
    /// </summary>
    /// <exception cref="TimeoutException">A handler has run for <see cref="Patience"/>, and neither ended nor waits for the clock.</exception>
    /// <exception cref="InvalidOperationException">It is called by a handler, or more than 100,000 tasks are due: they seem to enqueue each other without end.</exception>
    /// <exception cref="ObjectDisposedException">The queue was disposed of.</exception>
    public Task RunAsync() => Driver.RunAsync();

    /// <summary>
    /// Turns the clock to each moment at which something is due, in order, and runs it as <see cref="RunAsync"/> does; at last to the end of the time. A handler that
    /// does not wait for the clock is waited for as long as <see cref="Patience"/>, and then the clock goes on: so its timeout can end it.
    /// </summary>
    /// <param name="time">How far; not negative.</param>
    /// <exception cref="ArgumentOutOfRangeException"><paramref name="time"/> is negative.</exception>
    /// <exception cref="InvalidOperationException">As of <see cref="RunAsync"/>.</exception>
    public Task AdvanceAsync(TimeSpan time)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(time, TimeSpan.Zero);
        return Driver.TurnAsync(_clock.GetUtcNow() + time, () => false);
    }

    /// <summary>Puts dead letters back into their queues, as <see cref="IDeadLetters.RedriveAsync"/> does.</summary>
    /// <param name="filter">Which ones; null for all.</param>
    /// <returns>How many were moved.</returns>
    /// <exception cref="InvalidTaskException">The filter names a queue that does not exist.</exception>
    public Task<int> RedriveAsync(DeadLetterFilter? filter = null) => Letters.RedriveAsync(filter ?? AllLetters);

    /// <summary>Takes dead letters away for good, as <see cref="IDeadLetters.DiscardAsync"/> does.</summary>
    /// <param name="filter">Which ones; null for all.</param>
    /// <returns>How many were discarded.</returns>
    /// <exception cref="InvalidTaskException">The filter names a queue that does not exist.</exception>
    public Task<int> DiscardAsync(DeadLetterFilter? filter = null) => Letters.DiscardAsync(filter ?? AllLetters);

    /// <inheritdoc/>
    public NewTask CreateTask<TPayload>(TPayload payload, TaskOptions? options = null) => _client.CreateTask(payload, options);

    /// <inheritdoc/>
    public Task<EnqueuedTask> EnqueueAsync(NewTask task, CancellationToken cancellationToken = default) => Client.EnqueueAsync(task, cancellationToken);

    /// <inheritdoc/>
    public Task<IReadOnlyList<EnqueueResult>> EnqueueManyAsync(IReadOnlyList<NewTask> tasks, CancellationToken cancellationToken = default) => Client.EnqueueManyAsync(tasks, cancellationToken);

    /// <inheritdoc/>
    public IAsyncEnumerable<EnqueueResult> EnqueueAllAsync(IAsyncEnumerable<NewTask> tasks, CancellationToken cancellationToken = default) => Client.EnqueueAllAsync(tasks, cancellationToken);

    /// <summary>
    /// Has a task run and gives its result. Called by the test, or by code that it tests, it runs the queue and turns the clock until the reply is there, or the
    /// timeout is over. Called by a handler it waits, as in production, until the queue has run the task.
    /// </summary>
    /// <inheritdoc/>
    public async Task<TResult> CallAsync<TResult>(NewTask task, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        DateTimeOffset now = _clock.GetUtcNow();
        string id = task.Id ?? Guid.CreateVersion7(now).ToString();
        Task<TResult> call = Client.CallAsync<TResult>(task with { Id = id }, timeout, cancellationToken);
        if (!call.IsCompleted && _services.GetRequiredService<CurrentRun>().Value is null)
        {
            MemoryReplies replies = _services.GetRequiredService<MemoryReplies>();
            await Driver.TurnAsync(now + timeout, () => call.IsCompleted || !replies.IsPending(id));
        }

        return await call;
    }

    /// <summary>Ends what still runs: its token is cancelled.</summary>
    public ValueTask DisposeAsync()
    {
        _isDisposed = true;
        return _services.DisposeAsync();
    }

    /// <summary>Enqueues a task as one of its later attempts.</summary>
    internal async Task<TestTask> EnqueueAttemptAsync(NewTask task, int attempt)
    {
        TaskMessage message = NewTaskRules.Check(task, _services.GetRequiredService<IOptions<WorkQueueOptions>>().Value, _services.GetRequiredService<TaskTopology>(), _clock.GetUtcNow());
        await _services.GetRequiredService<TaskPublisher>().PublishAsync(message with { Attempt = attempt }, TimeSpan.Zero, Timeout.InfiniteTimeSpan, CancellationToken.None);
        return this[message.Id];
    }

    /// <summary>Runs one task alone.</summary>
    internal Task<Run> RunOneAsync(CancellationToken cancellationToken) => _driver.RunOneAsync(cancellationToken);

    private TaskClient Client => Unless(_client);

    private QueueDriver Driver => Unless(_driver);

    private static DeadLetterFilter AllLetters => new() { Limit = int.MaxValue };

    private T Unless<T>(T part)
    {
        ObjectDisposedException.ThrowIf(_isDisposed, this);
        return part;
    }

    private IDeadLetters Letters => _services.GetRequiredService<IDeadLetters>();
}
