using System.Collections.Concurrent;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Lanes that this worker takes nothing from for a while, so that others do.</summary>
internal sealed class LaneRests(TimeProvider clock)
{
    // By no clock that somebody sets.
    private readonly ConcurrentDictionary<TaskLane, (long Since, TimeSpan For)> _rests = new();

    /// <summary>Takes nothing from it for so long.</summary>
    public void Begin(TaskLane lane, TimeSpan rest) => _rests[lane] = (clock.GetTimestamp(), rest);

    /// <summary>Whether nothing is to be taken from it now.</summary>
    public bool Rests(TaskLane lane) => Left(lane) > TimeSpan.Zero;

    /// <summary>Completes when it may be taken from again.</summary>
    public Task WaitAsync(TaskLane lane, CancellationToken stopping) => Left(lane) is var left && left > TimeSpan.Zero ? Task.Delay(left, clock, stopping) : Task.CompletedTask;

    // Asked for each lane many times a second, and nearly always there is none.
    private TimeSpan Left(TaskLane lane) =>
        !_rests.IsEmpty && _rests.TryGetValue(lane, out (long Since, TimeSpan For) rest) ? rest.For - clock.GetElapsedTime(rest.Since) : TimeSpan.Zero;
}
