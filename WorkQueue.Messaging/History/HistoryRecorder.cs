using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.History;

/// <summary>
/// Records what moves no message. The end of a task is confirmed before its delivery is acknowledged, but not waited for long: work never
/// stops for its history. What was not confirmed in time is kept, up to a bound, and sent until it is.
/// </summary>
internal sealed class HistoryRecorder(
    IPublisher publisher, TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock, ILogger<HistoryRecorder> logger) : BackgroundService, IMoveRecorder
{
    private const int MaxUnsent = 10_000;
    private const long MaxUnsentBytes = 64 * 1024 * 1024;
    private static readonly TimeSpan ConfirmLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan SendAgain = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LastWords = TimeSpan.FromSeconds(1);

    private readonly ConcurrentQueue<EventMessage> _unsent = new();
    private readonly HistoryTopology _history = topology.History;
    private long _lost;
    private long _unsentBytes;

    /// <summary>Records that wait to be sent again.</summary>
    public int Unsent => _unsent.Count;

    /// <summary>Records that were given up because too many waited.</summary>
    public long Lost => Interlocked.Read(ref _lost);

    /// <summary>Whether runs and their progress are recorded.</summary>
    public bool RecordsRuns => _history.Mode == HistoryMode.All;

    /// <summary>Records a success with its result; returns when that is confirmed, or will have to be sent again.</summary>
    public Task SucceededAsync(TaskMessage message, WrittenResult result, AttemptRun run)
    {
        // Where only failures are recorded, what had failed, waited or died before must not seem to wait for ever.
        if (!Records(message) || !(RecordsRuns || (_history.Mode == HistoryMode.Failures && (message.Attempt > 1 || message.Redriven > 0 || message.NotBefore is not null))))
        {
            return Task.CompletedTask;
        }

        (ReadOnlyMemory<byte> body, string? note) = Kept(result, message);
        return SendAsync(new EventMessage(message, RecordStates.Succeeded, clock.GetUtcNow(), run, note is null ? null : new AttemptEnd(note, null, null, clock.GetUtcNow()), Body: body));
    }

    /// <summary>Records that a task was cancelled; returns as <see cref="SucceededAsync"/>.</summary>
    public Task CancelledAsync(TaskMessage message, AttemptEnd end, AttemptRun? run) =>
        Records(message) ? SendAsync(new EventMessage(message, RecordStates.Cancelled, end.At, run, end)) : Task.CompletedTask;

    /// <summary>Records that a cancelled task is no longer on the broker: a worker got it and dropped it, or it never was there; not waited for.</summary>
    public void Dropped(TaskMessage message, string? worker)
    {
        if (Records(message))
        {
            Post(new EventMessage(message, RecordStates.Dropped, clock.GetUtcNow(), worker is null ? null : new AttemptRun(worker, clock.GetUtcNow()), null));
        }
    }

    /// <summary>Records the same of one that a worker got; of a member of a batch also that it was cancelled, since who cancels a batch knows neither type nor queue of its members.</summary>
    public async Task DroppedAsync(TaskMessage message, string worker)
    {
        if (BatchMark.Read(message.EndTold) is not null)
        {
            await CancelledAsync(message, new AttemptEnd(ITaskControl.CancelledBeforeItRan, null, null, clock.GetUtcNow()), null);
        }

        Dropped(message, worker);
    }

    /// <summary>Records that a task runs, or how far it is; not waited for.</summary>
    public void Running(TaskMessage message, AttemptRun run, TaskProgress? progress)
    {
        if (RecordsRuns && Records(message))
        {
            Post(new EventMessage(message, progress is null ? RecordStates.Running : RecordStates.Progress, clock.GetUtcNow(), run, null, progress));
        }
    }

    /// <summary>Records a move whose message is not itself the record, because payloads are kept out of the history or only failures are in it.</summary>
    public void Moved(TaskMessage message, string state, AttemptEnd? end, AttemptRun? run)
    {
        bool byMessage = _history.ByRouting && (_history.Mode == HistoryMode.All || state != RecordStates.Queued);
        bool wanted = _history.Mode == HistoryMode.All || state != RecordStates.Queued || message.Redriven > 0;
        if (Records(message) && !byMessage && wanted)
        {
            Post(new EventMessage(message, state, clock.GetUtcNow(), run, end));
        }
    }

    /// <summary>Records that a task is to run again where it is; not waited for.</summary>
    public void Retrying(TaskMessage next, AttemptEnd end, AttemptRun run)
    {
        if (Records(next))
        {
            Post(new EventMessage(next, RecordStates.Retrying, clock.GetUtcNow(), run, end));
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        await base.StopAsync(cancellationToken);
        try
        {
            // The workers have stopped, and the connection is still there.
            using CancellationTokenSource limit = new(LastWords, clock);
            using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(limit.Token, cancellationToken);
            await SendUnsentAsync(end.Token);
            if (_unsent.Count is > 0 and var left)
            {
                logger.HistoryUnsent(left);
            }
        }
#pragma warning disable CA1031 // What is left to do then is left; the others stop all the same.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Supervision.EveryAsync(SendAgain, CatchUpAsync, clock, stoppingToken);

    private async Task CatchUpAsync(CancellationToken stopping)
    {
        int count = _unsent.Count;
        if (count > 0 && await SendUnsentAsync(stopping))
        {
            logger.HistoryCaughtUp(count);
        }
    }

    private async Task<bool> SendUnsentAsync(CancellationToken stopping)
    {
        while (_unsent.TryPeek(out EventMessage? message))
        {
            try
            {
                await publisher.PublishAsync(EventCodec.Write(message, topology), options.Value.ConfirmTimeout, stopping);
                _unsent.TryDequeue(out _);
                Interlocked.Add(ref _unsentBytes, -message.Body.Length);
            }
            catch (Exception failure) when (failure is PublishFailedException or OperationCanceledException)
            {
                return false;
            }
        }

        return true;
    }

    private async Task SendAsync(EventMessage message)
    {
        try
        {
            await publisher.PublishAsync(EventCodec.Write(message, topology), ConfirmLimit, CancellationToken.None).AsTask().WaitAsync(ConfirmLimit, clock);
        }
        catch (Exception failure) when (failure is PublishFailedException or TimeoutException)
        {
            Keep(message, failure.Message);
        }
    }

    private void Post(EventMessage message)
    {
        Task sending = publisher.PublishAsync(EventCodec.Write(message, topology), ConfirmLimit, CancellationToken.None).AsTask();
        // What only informs of the moment is not worth sending late; a move is.
        bool keep = message.State is not (RecordStates.Running or RecordStates.Progress);
        _ = sending.ContinueWith(
            failed =>
            {
                if (keep)
                {
                    Keep(message, failed.Exception!.InnerException!.Message);
                }
                else
                {
                    logger.EventNotSent(message.State, message.Task.Id, failed.Exception!.InnerException!.Message);
                }
            },
            CancellationToken.None,
            TaskContinuationOptions.OnlyOnFaulted,
            TaskScheduler.Default);
    }

    private void Keep(EventMessage message, string reason)
    {
        if (_unsent.Count < MaxUnsent && Interlocked.Read(ref _unsentBytes) + message.Body.Length <= MaxUnsentBytes)
        {
            Interlocked.Add(ref _unsentBytes, message.Body.Length);
            // Without the payload: it is no part of the record, and its buffer is used again.
            _unsent.Enqueue(message with { Task = message.Task with { Body = ReadOnlyMemory<byte>.Empty } });
            logger.HistoryDelayed(message.State, message.Task.Id, reason);
        }
        else
        {
            Interlocked.Increment(ref _lost);
            logger.HistoryLost(message.State, message.Task.Id, MaxUnsent);
        }
    }

    private (ReadOnlyMemory<byte> Body, string? Note) Kept(WrittenResult result, TaskMessage message)
    {
        int limit = options.Value.MaxResultBytes;
        string? note = result.Note ?? (result.Json.Length > limit ? $"The result has {result.Json.Length} bytes; {WorkQueueOptions.Section}:MaxResultBytes allows {limit}." : null);
        if (note is null)
        {
            return (result.Json, null);
        }

        logger.ResultNotKept(message.Id, message.Type, note);
        return (ReadOnlyMemory<byte>.Empty, note);
    }

    // An event is handled once in each subscription, under the same id: it has no one history.
    private bool Records(TaskMessage message) => _history.Mode != HistoryMode.Off && message.Topic is null;
}
