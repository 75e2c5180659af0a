using System.Runtime.CompilerServices;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Finds and runs the handler of a delivery. Every way a run can go becomes a <see cref="TaskOutcome"/>; nothing is thrown.</summary>
internal sealed class TaskExecutor(
    IServiceScopeFactory scopes,
    IEnumerable<TaskHandlerRegistration> registrations,
    TaskMiddlewares middlewares,
    PayloadCodec json,
    TaskTopology topology,
    IOptions<WorkQueueOptions> options,
    TimeProvider clock,
    ILogger<TaskExecutor> logger)
{
    // A stopping worker is killed soon after its drain timeout; it cannot wait for a deaf handler as long as a running one.
    private static readonly TimeSpan DrainGrace = TimeSpan.FromSeconds(1);

    // Each time it went back for a good reason. A task that never ends should end in sight all the same.
    private const int MostReturns = 10_000;

    private readonly Dictionary<string, TaskHandlerRegistration> _handlers = registrations.ToDictionary(handler => handler.Type, StringComparer.Ordinal);

    /// <summary>The types of task it has handlers for.</summary>
    public IReadOnlyList<string> Types { get; } = [.. registrations.Select(handler => handler.Type).Except(topology.Subscriptions.Select(queue => queue.Name)).Order(StringComparer.Ordinal)];

    [AsyncMethodBuilder(typeof(PoolingAsyncValueTaskMethodBuilder<>))]
    public async ValueTask<TaskOutcome> RunAsync(TaskDelivery delivery, TaskQueue queue, TaskRun current, ITimer timer, RunTokens tokens)
    {
        if (Refusal(delivery, queue) is { } refusal)
        {
            return refusal;
        }

        if (FindHandler(delivery.Message.Type, queue) is not { } handler)
        {
            return new TaskOutcome.Rejected(UnknownTypePolicy.WhyItIsDead(delivery.Message, clock.GetUtcNow()));
        }

        TimeSpan limit = LimitOf(delivery.Message);
        current.Limit(limit, timer);
        TaskOutcome outcome;
        try
        {
            Task<WrittenResult> running = StartAsync(handler, delivery, current);
            await current.Left;
            WrittenResult result = await (current.HasEnded ? running : GraceAsync(running, delivery.Message, tokens));
            outcome = tokens.TakenBack.IsCancellationRequested ? new TaskOutcome.TakenBack() : ReferenceEquals(result, WrittenResult.None) ? TaskOutcome.Completed.Silently : new TaskOutcome.Completed(result);
        }
#pragma warning disable CA1031 // The boundary to the user's code: whatever it throws is an outcome.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            outcome = TaskOutcome.Of(HandlerFailure.Decisive(failure), tokens, current, limit);
        }

        return outcome is TaskOutcome.Completed done && delivery.Message.Chain?.Then is { } then
            ? ChainSteps.After(delivery.Message, then, done.Result, options.Value, clock.GetUtcNow())
            : outcome;
    }

    /// <summary>How long one attempt may take.</summary>
    public TimeSpan LimitOf(TaskMessage message) => options.Value.Types.GetValueOrDefault(message.Type)?.Timeout ?? options.Value.Worker.TaskTimeout;

    /// <summary>Whether there is a handler for it here.</summary>
    public bool Knows(TaskMessage message, TaskQueue queue) => FindHandler(message.Type, queue) is not null;

    /// <summary>Why a delivery is not to run, or null.</summary>
    public TaskOutcome? Refusal(TaskDelivery delivery, TaskQueue queue)
    {
        if (delivery.Unreadable is { } unreadable)
        {
            return new TaskOutcome.Rejected($"unreadable envelope: {unreadable}");
        }

        if (delivery.Crashes >= queue.DeliveryLimit)
        {
            return new TaskOutcome.Rejected($"{delivery.Crashes} workers died while they had it");
        }

        if (delivery.Message.Returned >= MostReturns)
        {
            return new TaskOutcome.Rejected($"went back to its queue {delivery.Message.Returned} times without an end: a worker stopped, lost its connection, ran another task alone, or got it too early, each time");
        }

        if (delivery.Message.Chain?.Then is { } then && ChainSteps.Refusal(then, options.Value, topology) is { } unknown)
        {
            return new TaskOutcome.Rejected(unknown);
        }

        // Asked for every delivery: without a deadline there is no need to know the time.
        if (delivery.Message.Deadline is not { } deadline || deadline >= clock.GetUtcNow())
        {
            return null;
        }

        string late = $"its deadline {deadline:u} passed before it could start{UnknownTypePolicy.Besides(delivery.Message)}";
        return delivery.Message.IsCall ? new TaskOutcome.Expired(late) : new TaskOutcome.Rejected(late);
    }

    // A subscription has one handler, by its own name.
    private TaskHandlerRegistration? FindHandler(string type, TaskQueue queue) => queue.IsSubscription ? _handlers.GetValueOrDefault(queue.Name) :
        _handlers.GetValueOrDefault(type) ?? (queue.FallbackType is { } other ? _handlers.GetValueOrDefault(other) : null);

    // On a thread of its own: a handler that blocks its thread could not be cut at its timeout, nor the connection served, otherwise. It ends
    // with its services, before the acknowledgement: they may write what they hold only now. One that does not stop keeps them until it does.
    private async Task<WrittenResult> StartAsync(TaskHandlerRegistration handler, TaskDelivery delivery, TaskRun current)
    {
        if (current.Slot is not null)
        {
            await HandlerThread.TakeAsync(current);
        }
        else
        {
            await Task.Yield();
        }

        AsyncServiceScope? scope = null;
        try
        {
            // What is cut before it has begun never begins: the body it would read may be another task's by then.
            current.Token.ThrowIfCancellationRequested();
            scope = scopes.CreateAsyncScope();
            TaskContext context = ContextOf(delivery, current, scope.Value.ServiceProvider);
            object? result = await (middlewares.IsEmpty ? handler.RunAsync(context.Services, delivery.Message, context) : RunWithinAsync(handler, delivery.Message, context));
            // Within the scope: what is written only now may be read from its services.
            current.IsWriting = result is not null;
            WrittenResult written = await WrittenResult.OfAsync(result, handler.ResultType, json, MaxResultOf(delivery.Message), current.Token);
            current.IsWriting = false;
            return written;
        }
        finally
        {
            await EndAsync(scope, delivery.Message, current);
        }
    }

    // What the handler has done is done, and what it threw is what is to be known of it.
    private async ValueTask EndAsync(AsyncServiceScope? scope, TaskMessage message, TaskRun current)
    {
        try
        {
            await (scope?.DisposeAsync() ?? ValueTask.CompletedTask);
        }
#pragma warning disable CA1031 // The boundary to the user's code.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            logger.ServicesNotDisposed(message.Id, message.Type, failure.GetType().Name, HandlerFailure.OneLine(HandlerFailure.TextOf(failure)));
        }
        finally
        {
            current.End();
        }
    }

    private Task<object?> RunWithinAsync(TaskHandlerRegistration handler, TaskMessage message, TaskContext context) =>
        middlewares.InvokeAsync(context, () => handler.RunAsync(context.Services, message, context));

    // Who calls is answered with more than the history keeps, and who comes after it in its chain is told as much as travels with a task.
    private int MaxResultOf(TaskMessage message) => Math.Max(
        options.Value.MaxResultBytes, message.ReplyTo is not null ? options.Value.MaxPayloadBytes : message.Chain?.Then is not null ? ChainCodec.MaxPreviousBytes : 0);

    private async Task<WrittenResult> GraceAsync(Task<WrittenResult> running, TaskMessage message, RunTokens tokens)
    {
        TimeSpan grace = tokens.Drained.IsCancellationRequested ? DrainGrace : options.Value.Worker.CancelGrace;
        try
        {
            return await running.WaitAsync(grace, clock);
        }
        catch (TimeoutException) when (running.IsCompleted)
        {
            return await running;
        }
        catch (TimeoutException)
        {
            logger.HandlerIgnoresCancellation(message.Id, message.Type, grace);
            throw new OperationCanceledException();
        }
    }

    private TaskContext ContextOf(TaskDelivery delivery, TaskRun current, IServiceProvider services) => new()
    {
        Id = delivery.Message.Id,
        Type = delivery.Message.Type,
        Queue = delivery.Message.Queue,
        Key = delivery.Message.Key,
        Attempt = delivery.Message.Attempt,
        Redelivered = delivery.Redelivered || delivery.Message.HasRun,
        EnqueuedAt = delivery.Message.EnqueuedAt,
        Deadline = delivery.Message.Deadline,
        Previous = json.ResultsOf(delivery.Message.Chain),
        Batch = BatchMark.Read(delivery.Message.EndTold),
        CancellationToken = current.Token,
        Services = services,
        Run = current,
    };
}
