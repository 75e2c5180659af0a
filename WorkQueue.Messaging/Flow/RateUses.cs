using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>How many permits this process has used, and when, for those of which the leader may not know.</summary>
internal sealed class RateUses(TaskRate rate)
{
    private readonly long _grain = Math.Max(TimeSpan.TicksPerMillisecond, rate.Window.Ticks / 512);
    private readonly PermitTimes _untold = new();
    private long _known;

    /// <summary>How many, in its whole life.</summary>
    public long Count { get; private set; }

    /// <summary>One is used. Those that nearly go together are one entry, at the last of their moments.</summary>
    public void Add(long now)
    {
        Count++;
        _untold.Add((now + _grain - 1) / _grain * _grain, 1);
    }

    /// <summary>The leader knows of so many.</summary>
    public void Know(long count)
    {
        _untold.Take((int)(count - _known));
        _known = count;
    }

    /// <summary>How long ago, and how many, the oldest first.</summary>
    public long[][] Ago(long now) => [.. _untold.Since(now).Select(some => (long[])[Math.Max(0, -some[0]), some[1]])];
}
