using System.Collections.Concurrent;
using System.Globalization;
using Microsoft.Extensions.Options;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>Puts together what is known of a queue, and has a policy decide for each way in which it is asked.</summary>
internal sealed class ScalingReader(QueueViews views, TaskProjection projection, TaskLookup lookup, IWorkerDirectory workers, IOptions<WorkQueueOptions> options, TimeProvider clock)
{
    // More ways to ask than anybody has.
    private const int MostPolicies = 1_000;

    // In it every worker has told of itself.
    private static readonly TimeSpan Listening = TimeSpan.FromSeconds(15);

    private readonly ConcurrentDictionary<(string Queue, ScalingSettings Settings), ScalingPolicy> _policies = new();
    private readonly ConcurrentDictionary<string, double> _slots = new(StringComparer.Ordinal);
    private DateTimeOffset _listensSince = clock.GetUtcNow();

    public async Task<ScalingView> ReadAsync(string queue, ScalingSettings settings, CancellationToken cancellationToken)
    {
        IReadOnlyList<QueueView> all = await views.ReadAsync(cancellationToken);
        if (all.Count == 0)
        {
            _listensSince = clock.GetUtcNow();
            throw new BadHttpRequestException("The broker does not answer, so nobody knows what waits; leave the workers as they are, and ask again.", StatusCodes.Status503ServiceUnavailable);
        }

        QueueView view = all.FirstOrDefault(known => known.Name == queue)
            ?? throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, $"No queue '{queue}'. Known: {string.Join(", ", all.Select(known => known.Name).Order(StringComparer.Ordinal))}.");
        WorkerInfo[] own = [.. workers.Current.Where(worker => worker.Queues.Contains(queue))];
        if (own.Length == 0 && view.Consumers > 0 && clock.GetUtcNow() - _listensSince < Listening)
        {
            throw new BadHttpRequestException($"Workers take from queue {queue}, and none has told of itself yet; leave them as they are, and ask again in some seconds.", StatusCodes.Status503ServiceUnavailable);
        }

        QueueRates rates = lookup.State == "live" ? projection.Rates(queue) : QueueRates.None;
        DateTimeOffset now = clock.GetUtcNow();
        (double seconds, string? note) = SecondsOf(rates, own, now);
        ScalingSample sample = new(now, StartableOf(view, settings.Target, seconds), RunningOf(view, own), own.Length, SlotsOf(queue, own), rates.ArrivalPerSecond, seconds)
        {
            IsPaused = view.Paused,
            MostRunning = MostRunning(queue, seconds),
        };
        ScalingDecision decision = Decide(queue, settings, sample);
        string reason = note is null ? decision.Reason : $"{decision.Reason} ({note})";
        return new ScalingView(queue, decision.Wanted, reason, view.Ready, sample.Running, Math.Round(sample.ArrivalPerSecond, 3), Math.Round(seconds, 3), Math.Round(sample.SlotsPerWorker, 2), sample.Workers, settings.Target, settings.Min, settings.Max);
    }

    private ScalingDecision Decide(string queue, ScalingSettings settings, ScalingSample sample)
    {
        if (_policies.Count >= MostPolicies)
        {
            _policies.Clear();
        }

        ScalingPolicy policy = _policies.GetOrAdd((queue, settings), key => new ScalingPolicy(key.Settings));
        lock (policy)
        {
            return policy.Decide(sample);
        }
    }

    // While there is none, as many as the last ones had.
    private double SlotsOf(string queue, WorkerInfo[] own) => own.Length == 0
        ? _slots.GetValueOrDefault(queue, options.Value.Worker.Concurrency)
        : _slots[queue] = own.Average(worker => worker.Slots);

    // What waits its turn in a slot does not run. Where nobody counts what workers have, they tell themselves; one that takes from several queues does not tell from which.
    private long RunningOf(QueueView view, WorkerInfo[] own) =>
        view.Unacknowledged is { } held ? (own.Length == 0 ? held : Math.Min(held, own.Sum(worker => worker.Slots)))
        : lookup.State == "live" ? projection.Counts().ByQueue.GetValueOrDefault(view.Name)?[TaskState.Running] ?? 0 : own.Sum(worker => worker.Tasks.Count);

    // Of long tasks none may have ended: those that run tell how long they take at least.
    private static (double Seconds, string? Note) SecondsOf(QueueRates rates, WorkerInfo[] own, DateTimeOffset now)
    {
        if (rates.SecondsPerTask is { } seconds)
        {
            return (Math.Max(seconds, 0.001), null);
        }

        RunningTask[] running = [.. own.SelectMany(worker => worker.Tasks)];
        return running.Length > 0
            ? (Math.Max(1, running.Average(task => (now - task.StartedAt).TotalSeconds)), "no task has ended in five minutes: a task is taken to run as long as those that run have so far")
            : (1, "no task has ended in five minutes: a task is taken to run one second");
    }

    // Tasks that wait for the rate of their queue or lane do not start sooner with more workers.
    private double? MostRunning(string queue, double seconds)
    {
        QueueOptions? limits = options.Value.Queues.GetValueOrDefault(queue);
        double? byRate = RunningBy(limits?.Rate, seconds);
        double? byLanes = limits?.Lanes * new[] { limits?.Ordered == true ? 1 : limits?.MaxRunningPerKey, RunningBy(limits?.RatePerKey, seconds) }.Min();
        return new[] { limits?.MaxRunning, byRate, byLanes }.Min();
    }

    private static double? RunningBy(string? rate, double seconds) => (ASecond(rate) * seconds) + 1;

    // Of a type with a limit or a rate of its own no more than may start in time: the others wait for that, not for workers.
    private static long StartableOf(QueueView view, TimeSpan target, double seconds) => view.Lanes.Count == 0 ? view.Ready : view.Lanes.Sum(lane =>
        Math.Min(lane.Ready, (long)Math.Ceiling(new[] { lane.Ready, lane.MaxRunning * Math.Max(1, target.TotalSeconds / seconds), ASecond(lane.Rate) * target.TotalSeconds }.Min() ?? 0)));

    // As it is set, 30/00:01:00, or as it is told of a lane, 30 per 00:01:00.
    private static double? ASecond(string? rate) => rate?.Split('/', ' ') is [{ } number, .., { } window]
        ? double.Parse(number, CultureInfo.InvariantCulture) / TimeSpan.Parse(window, CultureInfo.InvariantCulture).TotalSeconds : null;
}

/// <summary>The answer of <c>GET /scaling</c>.</summary>
/// <param name="Queue">The queue.</param>
/// <param name="Wanted">How many workers there are to be.</param>
/// <param name="Reason">Why.</param>
/// <param name="Backlog">Tasks that wait, in all lanes.</param>
/// <param name="Running">Tasks that workers have.</param>
/// <param name="ArrivalPerSecond">Tasks that came in a second, over the last minute.</param>
/// <param name="SecondsPerTask">How long one runs, over the last five minutes.</param>
/// <param name="SlotsPerWorker">Tasks that one worker runs at once.</param>
/// <param name="Workers">Workers that take from the queue.</param>
/// <param name="Target">In which time a waiting task is to be started.</param>
/// <param name="Min">The fewest workers.</param>
/// <param name="Max">The most.</param>
internal sealed record ScalingView(
    string Queue, int Wanted, string Reason, long Backlog, long Running, double ArrivalPerSecond, double SecondsPerTask, double SlotsPerWorker, int Workers, TimeSpan Target, int Min, int Max);
