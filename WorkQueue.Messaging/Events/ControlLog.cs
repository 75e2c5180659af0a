using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Events;

/// <summary>
/// What workers were told, kept in a stream that each process reads from its beginning and then follows: a worker that starts later obeys too.
/// It knows that it has read everything when it meets its own greeting; or, where an alarm of the broker lets nobody publish one, when nothing more comes.
/// A log that cannot be read, because this node of a cluster has no copy of it, keeps no worker from its work: pauses and cancellations are not heard then.
/// </summary>
internal sealed class ControlLog(
    StreamFollower streams,
    ConfirmedPublisher publisher,
    HistoryRecorder events,
    TaskTopology topology,
    IOptions<WorkQueueOptions> options,
    TimeProvider clock,
    ILogger<ControlLog> logger) : BackgroundService, ITaskControl
{
    // Each is half a second in which nothing came.
    private const int QuietGroups = 6;

    private static readonly TimeSpan UnreadableLimit = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan BeginLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan TellInterval = TimeSpan.FromMilliseconds(200);

    // Longer than it takes to find out that nobody can greet.
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(10);

    private volatile bool _cannotGreet;

    private readonly string _greeting = Guid.NewGuid().ToString("N");
    private readonly TaskCompletionSource _ready = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // About 100 bytes each. A task that was cancelled so many cancellations ago, and still waits, would run.
    private readonly BoundedCounts _cancelled = new(1_000_000);

    private long _unreadableSince;

    // Queues that a log which is gone had paused, and those that the new one has.
    private IReadOnlyList<string> _saidBefore = [];
    private readonly HashSet<string> _saidAgain = new(StringComparer.Ordinal);

    private readonly ConcurrentDictionary<string, PauseSwitch> _queues = new(StringComparer.Ordinal);

    /// <summary>Raised for each task that is cancelled, with its id.</summary>
    public event Action<string>? Cancelled;

    /// <summary>What workers say of tasks that were delivered more than once.</summary>
    public SuspectRuns Suspects { get; } = new();

    /// <summary>Says that a run of a task that was delivered before begins here. Not for ever: where it cannot be said the run begins all the same.</summary>
    public async Task BeginAsync(TaskMessage message)
    {
        string key = SuspectRuns.KeyOf(message);
        Suspects.Begin(key);
        try
        {
            await publisher.PublishAsync(ControlEntry.OfBegun(_greeting, key).Write(topology), BeginLimit, CancellationToken.None).WaitAsync(BeginLimit, clock);
        }
        catch (Exception failure) when (failure is PublishFailedException or TimeoutException)
        {
            logger.StreamInterrupted(topology.History.ControlLog, failure.Message);
        }
    }

    /// <summary>Completes when everything that was said before this process started is known.</summary>
    public Task Ready => _ready.Task;

    public IReadOnlyCollection<string> PausedQueues => [.. _queues.Where(queue => queue.Value.IsPaused).Select(queue => queue.Key).Order(StringComparer.Ordinal)];

    /// <summary>Whether a queue is paused, and how to learn of a change.</summary>
    public PauseSwitch SwitchOf(string queue) => _queues.GetOrAdd(queue, _ => new PauseSwitch());

    /// <summary>Whether this run of a task was cancelled: one that was redriven since is meant to run.</summary>
    public bool IsCancelled(TaskMessage message) => !_cancelled.IsEmpty && _cancelled.TryGet(message.Id, out int redriven) && message.Redriven <= redriven;

    /// <summary>
    /// The count of redrives with which a new task of an id runs: above the one of a task of this id that was cancelled, or 0. Waits until
    /// what was said before this process started is known.
    /// </summary>
    /// <exception cref="TimeoutException">It is not known in time.</exception>
    public async ValueTask<int> NextRedrivenAsync(string id, CancellationToken cancellationToken)
    {
        await Ready.WaitAsync(ReadyLimit, clock, cancellationToken);
        return _cancelled.TryGet(id, out int redriven) ? redriven + 1 : 0;
    }

    public async Task CancelAsync(IReadOnlyCollection<TaskToCancel> tasks, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        foreach (TaskToCancel[] some in tasks.Chunk(ControlEntry.MaxIds))
        {
            ControlEntry entry = ControlEntry.Cancel(some);
            await SayAsync(entry, cancellationToken);
            // Not only when the log tells it: who enqueues one of these ids next is to have it run.
            Note(entry.Cancelled!);
        }

        // A task that waits has ended by this; of one that runs the worker tells the end.
        AttemptEnd end = new(ITaskControl.CancelledBeforeItRan, null, null, clock.GetUtcNow());
        await Parallel.ForEachAsync(
            tasks.Where(task => !task.Running),
            new ParallelOptions { MaxDegreeOfParallelism = options.Value.PublishWindow, CancellationToken = cancellationToken },
            async (task, _) => await events.CancelledAsync(MessageOf(task), end, null));
    }

    public Task PauseAsync(string queue, CancellationToken cancellationToken = default) => SwitchAsync(queue, ControlEntry.Pause, cancellationToken);

    public Task ResumeAsync(string queue, CancellationToken cancellationToken = default) => SwitchAsync(queue, ControlEntry.Resume, cancellationToken);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        try
        {
            Task telling = Task.WhenAll(GreetAsync(stoppingToken), KeepTellingAsync(stoppingToken));
            int quiet = 0;
            await foreach (IReadOnlyList<StreamMessage> group in streams.FollowAsync(topology.History.ControlLog, null, stoppingToken, Unreadable, BeginAnew))
            {
                _unreadableSince = 0;
                quiet = group.Count == 0 && _cannotGreet ? quiet + 1 : 0;
                if (quiet == QuietGroups)
                {
                    _ready.TrySetResult();
                }

                foreach (StreamMessage message in group)
                {
                    Obey(ControlEntry.Read(message));
                }

                if (group.Count == 0)
                {
                    ResumeUnsaid();
                }
            }

            await telling;
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }

    private void Obey(ControlEntry? entry)
    {
        switch (entry)
        {
            case { Kind: ControlEntry.PauseKind, Queue: { } queue }:
                SwitchOf(queue).Set(paused: true);
                _saidAgain.Add(queue);
                logger.QueuePaused(queue);
                break;
            case { Kind: ControlEntry.ResumeKind, Queue: { } queue }:
                SwitchOf(queue).Set(paused: false);
                logger.QueueResumed(queue);
                break;
            case { Kind: ControlEntry.CancelKind, Cancelled: { } tasks }:
                Note(tasks);
                foreach (string id in tasks.Keys)
                {
                    Cancelled?.Invoke(id);
                }

                break;
            // What it told itself it has counted.
            case { Kind: ControlEntry.LostKind, Lost: { } lost } when entry.Greeting != _greeting:
                Suspects.End(lost);
                break;
            case { Kind: ControlEntry.BegunKind, Begun: { } begun } when entry.Greeting != _greeting:
                Suspects.Begin(begun);
                break;
            case { Kind: ControlEntry.HelloKind } when entry.Greeting == _greeting:
                _ready.TrySetResult();
                break;
        }
    }

    // Who cancelled an earlier run last does not bring a later one back.
    private void Note(IReadOnlyDictionary<string, int> tasks)
    {
        foreach ((string id, int redriven) in tasks)
        {
            _cancelled.Raise(id, redriven);
        }
    }

    private async Task GreetAsync(CancellationToken stopping)
    {
        while (!Ready.IsCompleted)
        {
            try
            {
                await SayAsync(ControlEntry.Hello(_greeting), stopping);
                return;
            }
            catch (BrokerUnavailableException failure)
            {
                _cannotGreet = true;
                logger.StreamInterrupted(topology.History.ControlLog, failure.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), clock, stopping);
            }
        }
    }

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // The workers have stopped, and what they had no more is told while there is a connection.
        await TellEndedAsync(CancellationToken.None).WaitAsync(LastWords, clock, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
    }

    private async Task KeepTellingAsync(CancellationToken stopping)
    {
        using PeriodicTimer timer = new(TellInterval, clock);
        while (await timer.WaitForNextTickAsync(stopping))
        {
            await TellEndedAsync(stopping);
        }
    }

    private async Task TellEndedAsync(CancellationToken cancellationToken)
    {
        while (Suspects.TakeUntold(ControlEntry.MaxIds) is { Count: > 0 } ended)
        {
            try
            {
                await SayAsync(ControlEntry.OfLost(_greeting, ended), cancellationToken);
            }
            catch (BrokerUnavailableException failure)
            {
                // Perhaps said: twice it would speak for another run.
                if (failure.InnerException is not PublishFailedException { Outcome: PublishOutcome.Unknown })
                {
                    Suspects.PutBack(ended);
                }

                return;
            }
        }
    }

    // A log of its own: what the old one said is not true any more, unless it is said again.
    private void BeginAnew()
    {
        Suspects.Clear();
        _saidBefore = [.. PausedQueues];
    }

    private void ResumeUnsaid()
    {
        foreach (string queue in _saidBefore.Where(queue => !_saidAgain.Contains(queue)))
        {
            Obey(ControlEntry.Resume(queue));
        }

        _saidBefore = [];
        _saidAgain.Clear();
    }

    private void Unreadable(string reason)
    {
        _unreadableSince = _unreadableSince == 0 ? clock.GetTimestamp() : _unreadableSince;
        if (clock.GetElapsedTime(_unreadableSince) > UnreadableLimit && _ready.TrySetResult())
        {
            logger.ControlUnreadable(topology.History.ControlLog, reason);
        }
    }

    private async Task SwitchAsync(string queue, Func<string, ControlEntry> entry, CancellationToken cancellationToken)
    {
        TaskQueue known = topology.Find(queue) ?? throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, topology.UnknownQueue(queue));
        await SayAsync(entry(known.Name), cancellationToken);
    }

    private async Task SayAsync(ControlEntry entry, CancellationToken cancellationToken)
    {
        try
        {
            await publisher.PublishAsync(entry.Write(topology), options.Value.ConfirmTimeout, cancellationToken);
        }
        catch (PublishFailedException failure)
        {
            throw new BrokerUnavailableException(failure.Message.TrimEnd('.'), failure);
        }
    }

    private static TaskMessage MessageOf(TaskToCancel task) =>
        new() { Id = task.Id, Type = task.Type, Queue = task.Queue, Attempt = task.Attempt, Redriven = task.Redriven, Body = ReadOnlyMemory<byte>.Empty };
}
