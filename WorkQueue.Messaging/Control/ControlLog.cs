using System.Collections.Concurrent;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Control;

/// <summary>
/// What workers were told, kept in a stream that each process reads from its beginning and then follows: a worker that starts later obeys too.
/// It knows that it has read everything when it meets its own greeting; or, where an alarm of the broker lets nobody publish one, when nothing more comes.
/// A log that cannot be read, because this node of a cluster has no copy of it, keeps no worker from its work: pauses and cancellations are not heard then.
/// </summary>
internal sealed class ControlLog(StreamFollower streams, ControlWriter writer, SuspectRuns suspects, TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock, ILogger<ControlLog> logger)
    : BackgroundService, ICancelledTasks
{
    // Each is half a second in which nothing came.
    private const int QuietGroups = 6;

    private static readonly TimeSpan UnreadableLimit = TimeSpan.FromSeconds(10);

    // Longer than it takes to find out that nobody can greet.
    private static readonly TimeSpan ReadyLimit = TimeSpan.FromSeconds(10);

    private volatile bool _cannotGreet;

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

    /// <summary>Completes when everything that was said before this process started is known.</summary>
    public Task Ready => _ready.Task;

    /// <summary>The queues that are paused.</summary>
    public IReadOnlyCollection<string> PausedQueues => [.. _queues.Where(queue => queue.Value.IsPaused).Select(queue => queue.Key).Order(StringComparer.Ordinal)];

    /// <summary>Whether a queue is paused, and how to learn of a change.</summary>
    public PauseSwitch SwitchOf(string queue) => _queues.GetOrAdd(queue, _ => new PauseSwitch());

    /// <summary>Whether this run of a task was cancelled: one that was redriven since is meant to run.</summary>
    public bool IsCancelled(TaskMessage message) => !_cancelled.IsEmpty && _cancelled.TryGet(message.Id, out int redriven) && message.Redriven <= redriven;

    public async ValueTask<int> NextRedrivenAsync(string id, CancellationToken cancellationToken)
    {
        await Ready.WaitAsync(ReadyLimit, clock, cancellationToken);
        return _cancelled.TryGet(id, out int redriven) ? redriven + 1 : 0;
    }

    /// <summary>Tasks were cancelled, each with its count of redrives. Who cancelled an earlier run last does not bring a later one back.</summary>
    public void Note(IReadOnlyDictionary<string, int> tasks)
    {
        foreach ((string id, int redriven) in tasks)
        {
            _cancelled.Raise(id, redriven);
        }
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.DeclareOnly)
        {
            // It does nothing that anybody could be told to leave, and leaves no trace: what is copied to a new broker is the whole of its log.
            return;
        }

        try
        {
            Task greeting = GreetAsync(stoppingToken);
            int quiet = 0;
            await foreach (IReadOnlyList<StreamMessage> group in streams.FollowAsync(topology.History.ControlStream, null, stoppingToken, Unreadable, BeginAnew))
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

            await greeting;
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
            // What runs already goes on.
            case { Kind: ControlEntry.SupersedeKind, Cancelled: { } tasks }:
                Note(tasks);
                break;
            // What it told itself it has counted.
            case { Kind: ControlEntry.LostKind, Lost: { } lost } when entry.Greeting != writer.Greeting:
                suspects.End(lost);
                break;
            case { Kind: ControlEntry.BegunKind, Begun: { } begun } when entry.Greeting != writer.Greeting:
                suspects.Begin(begun);
                break;
            case { Kind: ControlEntry.HelloKind } when entry.Greeting == writer.Greeting:
                _ready.TrySetResult();
                break;
        }
    }

    private async Task GreetAsync(CancellationToken stopping)
    {
        while (!Ready.IsCompleted)
        {
            try
            {
                await writer.SayAsync(ControlEntry.Hello(writer.Greeting), stopping);
                return;
            }
            catch (BrokerUnavailableException failure)
            {
                _cannotGreet = true;
                logger.StreamInterrupted(topology.History.ControlStream, failure.Message);
                await Task.Delay(TimeSpan.FromSeconds(1), clock, stopping);
            }
        }
    }

    // A log of its own: what the old one said is not true any more, unless it is said again.
    private void BeginAnew()
    {
        suspects.Clear();
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
            logger.ControlUnreadable(topology.History.ControlStream, reason);
        }
    }
}
