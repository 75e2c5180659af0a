using System.Collections.Concurrent;
using System.Diagnostics;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;
using WorkQueue.Testing.Clocks;
using WorkQueue.Testing.InMemory;

namespace WorkQueue.Testing.Running;

/// <summary>Runs what is delivered: what the slots of a worker do around executor, retry policy and settler, without a channel.</summary>
#pragma warning disable CA1001 // The source is never disposed of: a handler that does not stop may hold its token for as long as it likes.
internal sealed class TaskRunner(
    TaskExecutor executor,
    TaskSettler settler,
    HistoryRecorder history,
    TaskTopology topology,
    MemoryControl control,
    TaskRecords records,
    IServiceScopeFactory scopes,
    IOptions<WorkQueueOptions> options,
    WorkQueueTelemetry telemetry,
    WorkerIdentity worker,
    CurrentRun current,
    TimeProvider clock,
    ILogger<TaskRunner> logger)
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _drained = new();
    private volatile bool _isStopped;

    /// <summary>What handlers of temporary subscriptions threw.</summary>
    public ConcurrentQueue<Exception> EventErrors { get; } = new();

    /// <summary>Begins to run a message.</summary>
    public Run Start(WaitingMessage message)
    {
        Run run = new($"{message.Properties.Type} {message.Properties.MessageId}");
        // As in a worker: no synchronization context, and nothing that the test has put into its own execution context.
        using (ExecutionContext.SuppressFlow())
        {
            run.Ended = Task.Run(() => RunAsync(run, message));
        }

        return run;
    }

    /// <summary>Ends a run early, as a worker does that stops.</summary>
    public void Interrupt(Run run)
    {
        _drained.Cancel();
        run.Attempt?.Cut();
    }

    /// <summary>What ends from here on is not settled.</summary>
    public void Stop() => _isStopped = true;

    // The run is that of this method and of what it calls, not of who calls it.
    private async Task RunAsync(Run run, WaitingMessage message)
    {
        current.Value = run.Watch;
        switch (message)
        {
            case WaitingMessage.InQueue delivered:
                await RunAsync(run, delivered);
                break;
            case WaitingMessage.ForHandler given:
                await HandleAsync(given);
                break;
        }
    }

    private async Task RunAsync(Run run, WaitingMessage.InQueue message)
    {
        TaskDelivery delivery = Read(message);
        delivery.ReceivedAt = clock.GetUtcNow();
        TaskMessage task = delivery.Message;
        AttemptRun attempt = new(worker.Id, delivery.ReceivedAt);
        if (control.IsCancelled(task))
        {
            run.Disposition = new Disposition.Drop();
            await settler.PerformAsync(delivery, run.Disposition, default);
            return;
        }

        logger.TaskReceived(task.Id, task.Type, task.Attempt);
        using Activity? activity = telemetry.StartProcess(
            message.Queue.Destination, message.Queue.Name, task.Id, task.TraceParent, task.TraceState, options.Value.TraceLinks);
        run.Attempt = new TaskRun(task, delivery.ReceivedAt, clock.GetTimestamp()) { Reported = progress => history.Running(task, attempt, progress) };
        void Cancel(string id)
        {
            if (id == task.Id)
            {
                run.Attempt?.Cancel();
                run.LookAgain();
            }
        }

        control.Cancelled += Cancel;
        // Whoever interrupts either finds this run from here on, or has said so before.
        Interlocked.MemoryBarrier();
        if (_drained.IsCancellationRequested)
        {
            run.Attempt.Cut();
        }

        if (executor.Refusal(delivery, message.Queue) is null)
        {
            history.Running(task, attempt, null);
        }

        run.Outcome = await ExecuteAsync(delivery, message.Queue, run.Attempt);
        control.Cancelled -= Cancel;
        run.Disposition = RetryPolicy.Decide(run.Outcome, task, options.Value, Random.Shared.NextDouble(), clock.GetUtcNow());
        Tell(task, run.Outcome, activity);
        if (!_isStopped)
        {
            await settler.PerformAsync(delivery, run.Disposition, default);
        }
    }

    private TaskDelivery Read(WaitingMessage.InQueue message) => message.Queue.IsSubscription
        ? TaskCodec.ReadEvent(0, false, message.Properties, message.Outgoing.Body, message.Queue, message.Outgoing.Exchange == topology.EventsExchange ? message.Outgoing.RoutingKey : null)
        : TaskCodec.Read(0, false, message.Properties, message.Outgoing.Body, message.Queue);

    private async Task<TaskOutcome> ExecuteAsync(TaskDelivery delivery, TaskQueue queue, TaskRun run)
    {
        await using ITimer limit = clock.CreateTimer(_ => run.TimeOut(clock), null, Timeout.InfiniteTimeSpan, Timeout.InfiniteTimeSpan);
        return await executor.RunAsync(delivery, queue, run, limit, new RunTokens(CancellationToken.None, _drained.Token, CancellationToken.None));
    }

    private void Tell(TaskMessage task, TaskOutcome outcome, Activity? activity)
    {
        Exception? error = outcome switch
        {
            TaskOutcome.Failed failed => failed.Error,
            TaskOutcome.Rejected rejected => rejected.Error,
            _ => null,
        };
        if (error is not null)
        {
            RunReport.Tell(logger, task, error);
            activity?.SetStatus(ActivityStatusCode.Error, HandlerFailure.TextOf(error));
            records.Find(task.Id)?.Fail(error);
        }
    }

    private async Task HandleAsync(WaitingMessage.ForHandler message)
    {
        TaskQueue reading = new(new Subscription("temporary"), options.Value.Prefix, options.Value.BrokerConsumerTimeout);
        TaskMessage task = TaskCodec.ReadEvent(0, false, message.Properties, message.Outgoing.Body, reading, message.Outgoing.RoutingKey).Message;
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(_drained.Token);
        await using ITimer limit = clock.CreateTimer(_ => Quiet.Cancel(end), null, options.Value.Worker.TaskTimeout, Timeout.InfiniteTimeSpan);
        try
        {
            await message.Handler.HandleAsync(scopes, task, false, false, end.Token).WaitAsync(end.Token);
        }
#pragma warning disable CA1031 // The boundary to the user's code: an event that cannot be handled is passed over.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            EventErrors.Enqueue(failure);
            logger.EventPassedOver(failure, task.Id, message.Outgoing.RoutingKey);
        }
    }
}
