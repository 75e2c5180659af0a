using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Whether a slot may take from a lane: not while it is paused, or rests, or others have the permits that it needs.</summary>
internal sealed class LaneGates(ControlLog control, LaneRests rests, SlotLimits limits)
{
    /// <summary>Whether it may.</summary>
    /// <param name="lane">The lane.</param>
    /// <param name="current">The one it takes from, or took from last.</param>
    public bool IsOpen(TaskLane lane, TaskLane current) => !IsPaused(lane) && limits.IsOpen(lane, current);

    /// <summary>Whether it may within a time, as far as is known; of the lanes of its own queue where it is said so.</summary>
    public bool MayOpenWithin(TaskLane lane, TaskLane current, bool withLanes, TimeSpan time) =>
        (withLanes || !lane.IsLimited || lane.Queue != current.Queue) && !IsPaused(lane) && limits.MayOpenWithin(lane, time);

    /// <summary>Whether nobody is to take from it.</summary>
    public bool IsPaused(TaskLane lane) => SwitchOf(lane).IsPaused || rests.Rests(lane);

    /// <summary>Waits until it may; only then does it ask for a permit.</summary>
    public Task WaitOpenAsync(TaskLane lane, CancellationToken stopping) =>
        rests.Rests(lane) ? rests.WaitAsync(lane, stopping)
        : SwitchOf(lane) is { IsPaused: true } paused ? paused.WaitResumedAsync(stopping)
        : limits.WaitAsync(lane, stopping);

    /// <summary>What pauses it.</summary>
    public PauseSwitch SwitchOf(TaskLane lane) => control.SwitchOf(lane.Queue.Name);
}
