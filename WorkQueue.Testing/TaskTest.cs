using System.Reflection;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Hosting;
using WorkQueue.Messaging.Wire;
using WorkQueue.Testing.Running;

namespace WorkQueue.Testing;

/// <summary>
/// Runs one attempt of one handler, as a worker would: its payload is written and read, what it throws becomes a retry or a dead letter, its result is written. For
/// more than one attempt, for middlewares, timeouts and calls there is <see cref="TestTaskQueue"/>.
/// </summary>
public static class TaskTest
{
    /// <summary>Runs a handler.</summary>
    /// <typeparam name="TPayload">The payload.</typeparam>
    /// <param name="handler">The handler, made by the test with whatever it needs.</param>
    /// <param name="payload">The payload.</param>
    /// <param name="settings">What the handler sees of its task; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels the handler's token, as a worker does that stops.</param>
    /// <exception cref="InvalidTaskException">The task is not acceptable: its payload is too large, its type none.</exception>
    /// <exception cref="TimeoutException">The handler has not ended in <see cref="TaskTestSettings.Patience"/>.</exception>
    public static Task<TaskTestResult> RunAsync<TPayload>(
        ITaskHandler<TPayload> handler, TPayload payload, TaskTestSettings? settings = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return RunAsync(_ => handler, payload, settings, cancellationToken);
    }

    /// <summary>Runs a handler that enqueues tasks.</summary>
    /// <typeparam name="TPayload">The payload.</typeparam>
    /// <param name="create">Makes the handler; what it enqueues in the queue it is given is in <see cref="TaskTestResult.Enqueued"/>.</param>
    /// <inheritdoc cref="RunAsync{TPayload}(ITaskHandler{TPayload}, TPayload, TaskTestSettings?, CancellationToken)"/>
    /// <param name="payload">The payload.</param>
    /// <param name="settings">What the handler sees of its task; null for the defaults.</param>
    /// <param name="cancellationToken">Cancels the handler's token, as a worker does that stops.</param>
    public static Task<TaskTestResult> RunAsync<TPayload>(
        Func<ITaskQueue, ITaskHandler<TPayload>> create, TPayload payload, TaskTestSettings? settings = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(create);
        return RunAloneAsync<TPayload, TaskTestResult>(
            queue => create(queue).HandleAsync,
            payload,
            settings ?? new TaskTestSettings(),
            (task, retryAfter, enqueued) => new TaskTestResult(task, retryAfter, enqueued),
            cancellationToken);
    }

    /// <summary>Runs a handler that says what it returns.</summary>
    /// <typeparam name="TPayload">The payload.</typeparam>
    /// <typeparam name="TResult">The result.</typeparam>
    /// <inheritdoc cref="RunAsync{TPayload}(ITaskHandler{TPayload}, TPayload, TaskTestSettings?, CancellationToken)"/>
    public static Task<TaskTestResult<TResult>> RunAsync<TPayload, TResult>(
        ITaskHandler<TPayload, TResult> handler, TPayload payload, TaskTestSettings? settings = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(handler);
        return RunAsync(_ => handler, payload, settings, cancellationToken);
    }

    /// <summary>Runs a handler that enqueues tasks, and says what it returns.</summary>
    /// <typeparam name="TPayload">The payload.</typeparam>
    /// <typeparam name="TResult">The result.</typeparam>
    /// <inheritdoc cref="RunAsync{TPayload}(Func{ITaskQueue, ITaskHandler{TPayload}}, TPayload, TaskTestSettings?, CancellationToken)"/>
    public static Task<TaskTestResult<TResult>> RunAsync<TPayload, TResult>(
        Func<ITaskQueue, ITaskHandler<TPayload, TResult>> create, TPayload payload, TaskTestSettings? settings = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(create);
        return RunAloneAsync<TPayload, TaskTestResult<TResult>>(
            queue =>
            {
                ITaskHandler<TPayload, TResult> handler = create(queue);
                return async (given, context) => await handler.HandleAsync(given, context);
            },
            payload,
            settings ?? new TaskTestSettings(),
            (task, retryAfter, enqueued) => new TaskTestResult<TResult>(task, retryAfter, enqueued),
            cancellationToken,
            typeof(TResult));
    }

    // In a queue of its own, of which nothing else is run.
    private static async Task<TRun> RunAloneAsync<TPayload, TRun>(
        Func<ITaskQueue, Func<TPayload, TaskContext, Task<object?>>> create,
        TPayload payload,
        TaskTestSettings settings,
        Func<TestTask, TimeSpan?, IReadOnlyList<TestTask>, TRun> result,
        CancellationToken cancellationToken,
        Type? resultType = null)
    {
        Func<TPayload, TaskContext, Task<object?>>? handle = null;
        string type = settings.Type ?? typeof(TPayload).GetCustomAttribute<TaskTypeAttribute>()?.Type ?? "test";
        TaskHandlerRegistration handler = TaskHandlerRegistration.Create<TPayload>(type, (given, context) => handle!(given, context), resultType);
        await using TestTaskQueue queue = new(
            services =>
            {
                settings.Services?.Invoke(services);
                CoreRegistration.AddHandler(services, type, handler);
            },
            settings.Options)
        {
            Patience = settings.Patience,
        };
        handle = create(queue);
        NewTask made = queue.CreateTask(payload, new TaskOptions { Type = type, Id = settings.Id });
        made = made with { Chain = settings.Previous.Count == 0 ? null : ChainOf(settings, queue), EndTold = settings.Batch is { } member ? BatchMark.Write(member) : null };
        TestTask task = await queue.EnqueueAttemptAsync(made, settings.Attempt);
        Run run = await queue.RunOneAsync(cancellationToken);
        return run.Ended.IsCompleted
            ? result(task, (run.Disposition as Disposition.Retry)?.Delay, [.. queue.Tasks.Where(other => other != task)])
            : throw Unended(run, settings);
    }

    private static TaskChain ChainOf(TaskTestSettings settings, TestTaskQueue queue)
    {
        PayloadCodec json = queue.Services.GetRequiredService<PayloadCodec>();
        return new TaskChain
        {
            First = Guid.CreateVersion7(queue.Clock.GetUtcNow()).ToString(),
            Place = settings.Previous.Count,
            Previous = [.. settings.Previous.Select(result => JsonElement.Parse(result is null ? "null"u8 : JsonSerializer.SerializeToUtf8Bytes(result, json.ResultType(result, null))))],
        };
    }

    private static Exception Unended(Run run, TaskTestSettings settings) => run.IsHanging
        ? new TimeoutException($"The handler has run for {settings.Patience.TotalSeconds:0.###} s of real time without an end.")
        : new InvalidOperationException($"The handler waits for a task that it calls, or for a clock that nobody turns: {nameof(TestTaskQueue)} runs and turns both.");
}
