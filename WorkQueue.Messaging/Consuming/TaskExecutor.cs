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
    IOptions<WorkQueueOptions> options,
    TimeProvider clock,
    ILogger<TaskExecutor> logger)
{
    // A stopping worker is killed soon after its drain timeout; it cannot wait for a deaf handler as long as a running one.
    private static readonly TimeSpan DrainGrace = TimeSpan.FromSeconds(1);

    private readonly Dictionary<string, TaskHandlerRegistration> _handlers = registrations.ToDictionary(handler => handler.Type, StringComparer.Ordinal);

    public async Task<TaskOutcome> RunAsync(TaskDelivery delivery, TaskQueue queue, TaskRun current, RunTokens tokens)
    {
        if (Refusal(delivery, queue) is { } refusal)
        {
            return refusal;
        }

        if (FindHandler(delivery.Message.Type, queue) is not { } handler)
        {
            return new TaskOutcome.Rejected($"no handler for type {delivery.Message.Type}");
        }

        TimeSpan limit = options.Value.Types.GetValueOrDefault(delivery.Message.Type)?.Timeout ?? options.Value.Worker.TaskTimeout;
        using CancellationTokenSource timeout = new();
        await using ITimer timer = Quiet.CancelAfter(timeout, limit, clock);
        using CancellationTokenSource run = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, tokens.TakenBack, tokens.Drained, tokens.Cancelled);
        try
        {
            object? result = await RunHandlerAsync(handler, delivery, current, tokens, run.Token);
            return tokens.TakenBack.IsCancellationRequested ? new TaskOutcome.TakenBack() : new TaskOutcome.Succeeded(result);
        }
#pragma warning disable CA1031 // The boundary to the user's code: whatever it throws is an outcome.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            return OutcomeOf(failure, tokens, limit, timeout.Token);
        }
    }

    /// <summary>Why a delivery is not to run, or null.</summary>
    public TaskOutcome? Refusal(TaskDelivery delivery, TaskQueue queue)
    {
        if (delivery.Unreadable is { } unreadable)
        {
            return new TaskOutcome.Rejected($"unreadable envelope: {unreadable}");
        }

        if (delivery.EarlierDeliveries >= queue.DeliveryLimit)
        {
            return new TaskOutcome.Rejected($"delivered {delivery.EarlierDeliveries} times without an end: its worker died or lost the broker each time");
        }

        if (!(delivery.Message.Deadline < clock.GetUtcNow()))
        {
            return null;
        }

        string late = $"its deadline {delivery.Message.Deadline:u} passed before it could start";
        return delivery.Message.IsCall ? new TaskOutcome.Expired(late) : new TaskOutcome.Rejected(late);
    }

    // A subscription has one handler, by its own name. The default type of an adopted queue also serves types nobody handles: some clients write odd ones.
    private TaskHandlerRegistration? FindHandler(string type, TaskQueue queue) => queue.IsSubscription ? _handlers.GetValueOrDefault(queue.Name) :
        _handlers.GetValueOrDefault(type) ?? (queue is { IsAdopted: true, DefaultType: { } other } ? _handlers.GetValueOrDefault(other) : null);

    private async Task<object?> RunHandlerAsync(TaskHandlerRegistration handler, TaskDelivery delivery, TaskRun current, RunTokens tokens, CancellationToken cancelled)
    {
        AsyncServiceScope scope = scopes.CreateAsyncScope();
        Task<object?> running = Task.FromResult<object?>(null);
        try
        {
            // On a thread of its own: a handler that blocks its thread could not be cut at its timeout, nor the connection served, otherwise.
            // What is cut before it has begun never begins: the body it would read may be another task's by then.
            running = Task.Run(() => handler.RunAsync(scope.ServiceProvider, delivery.Message, ContextOf(delivery, current, scope.ServiceProvider, cancelled)), cancelled);
            try
            {
                return await running.WaitAsync(cancelled);
            }
            catch (OperationCanceledException) when (cancelled.IsCancellationRequested)
            {
                TimeSpan grace = tokens.Drained.IsCancellationRequested ? DrainGrace : options.Value.Worker.CancelGrace;
                return await GraceAsync(running, grace, delivery.Message);
            }
        }
        finally
        {
            await DisposeAsync(scope, running);
        }
    }

    // Before the acknowledgement, since services may write what they hold only now; a handler that does not stop keeps them until it does.
    private static async Task DisposeAsync(AsyncServiceScope scope, Task running)
    {
        if (running.IsCompleted)
        {
            await scope.DisposeAsync();
        }
        else
        {
            _ = running.ContinueWith(_ => scope.DisposeAsync().AsTask(), TaskScheduler.Default).Unwrap();
        }
    }

    private async Task<object?> GraceAsync(Task<object?> running, TimeSpan grace, TaskMessage message)
    {
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

    private static TaskOutcome OutcomeOf(Exception failure, RunTokens tokens, TimeSpan limit, CancellationToken timeout) => failure switch
    {
        _ when tokens.TakenBack.IsCancellationRequested => new TaskOutcome.TakenBack(),
        _ when tokens.Cancelled.IsCancellationRequested => new TaskOutcome.Cancelled(),
        TaskRejectedException rejection => new TaskOutcome.Rejected(rejection.Message, rejection.InnerException ?? rejection),
        TaskRetryException retry => new TaskOutcome.Failed(retry.Message, retry.InnerException ?? retry, retry.Delay),
        OperationCanceledException when timeout.IsCancellationRequested => new TaskOutcome.Failed($"timed out after {limit}", new TimeoutException($"The attempt ran longer than {limit}.")),
        // Whatever it throws: a client that is cancelled under a call does not always say so by this exception.
        _ when tokens.Drained.IsCancellationRequested => new TaskOutcome.Interrupted("the worker stops"),
        _ => new TaskOutcome.Failed(failure.Message, failure),
    };

    private static TaskContext ContextOf(TaskDelivery delivery, TaskRun current, IServiceProvider services, CancellationToken cancelled) => new()
    {
        Id = delivery.Message.Id,
        Type = delivery.Message.Type,
        Queue = delivery.Message.Queue,
        Attempt = delivery.Message.Attempt,
        Redelivered = delivery.Redelivered,
        EnqueuedAt = delivery.Message.EnqueuedAt,
        Deadline = delivery.Message.Deadline,
        CancellationToken = cancelled,
        Services = services,
        OnProgress = current.Report,
    };
}
