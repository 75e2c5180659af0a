using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>What a worker asks the leader for the permits of one rate, and when. One turn at a time.</summary>
/// <param name="name">What has the rate: the name of a queue, or the key of a lane.</param>
/// <param name="pool">The permits.</param>
/// <param name="worker">Who asks: this process, and no other ever.</param>
internal sealed class RateTurns(string name, RatePool pool, string worker)
{
    /// <summary>From one ask to the next, while there is something to say.</summary>
    public static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(250);

    private static readonly TimeSpan LongestInterval = TimeSpan.FromSeconds(1);

    // What was used in one turn is wanted for the next ones too, where so many a second are used that slots would wait for them: a slot with something else to
    // do asks for one, and there are four turns a second.
    private const int Fast = 4;
    private const int Remembered = 8;

    private const long Drift = TimeSpan.TicksPerMillisecond / 5;

    // Clocks go apart by less than one part in so many.
    private const long Steadiness = 2000;

    // After a longer silence one of them may have stood still, as that of a machine that sleeps does.
    private static readonly long Fresh = TimeSpan.FromSeconds(2).Ticks;

    private readonly TaskRate _rate = pool.Rate;
    private readonly int[] _uses = new int[Remembered];
    private readonly int[] _wants = new int[Remembered];
    private RateStanding _asked = RateStanding.None;
    private RateStanding _heard = RateStanding.None;
    private long _used;
    private int _place;
    private int _number;

    // How much further the leader's clock is than this one's: by the answers so far not less than the one, and not more than the other.
    private string? _clock;
    private long _least;
    private long _most;
    private long _heardAt;
    private DateTimeOffset _heardOn;

    /// <summary>How long to wait for the next turn: who waits in vain asks less often.</summary>
    public TimeSpan Pause { get; private set; } = Interval;

    /// <summary>What is to be asked now; null where there is nothing to say.</summary>
    public RateAsk? Next(string replyTo)
    {
        _place = (_place + 1) % Remembered;
        int prefetch = _rate.ASecond >= Fast ? 2 * _uses.Max() : 0;
        int wants = _wants[_place] = Math.Min(_rate.Number, pool.Waiters.TakeWanted() + prefetch);
        // What was wanted a moment ago may be on its way to a slot.
        RateStanding now = pool.Settle(_wants.Max());
        _uses[_place] = (int)(now.Used - _used);
        _used = now.Used;
        bool isNews = IsUntold(now) || wants > now.Free;
        bool isDue = now.Taken + now.Free > 0 && now.At - _asked.At >= LongestInterval.Ticks;
        return isNews || isDue ? Ask(replyTo, now, now.Taken + Math.Max(wants, now.Free)) : null;
    }

    /// <summary>The leader has answered the last ask.</summary>
    /// <returns>False where it answers an older one.</returns>
    public bool Hear(RateAnswer answer)
    {
        if (answer.Turn != _number)
        {
            return false;
        }

        _heard = _asked;
        Compare(answer, pool.Now());
        pool.Hear(answer.Held, answer.At - _least, answer.Next + answer.At - _least, _heard);
        TimeSpan longest = TimeSpan.FromTicks(Math.Clamp(_rate.Window.Ticks / 10, Interval.Ticks, LongestInterval.Ticks));
        TimeSpan next = answer.Next is { } ticks ? TimeSpan.FromTicks(ticks) - RateBook.Ahead + Interval / 2 : longest;
        Pause = next < Interval ? Interval : next < longest ? next : longest;
        return true;
    }

    /// <summary>Gives back all of it, on the way out; null where there is nothing to say.</summary>
    public RateAsk? Last(string replyTo) => pool.Settle(0) is var now && (IsUntold(now) || now.Taken > 0) ? Ask(replyTo, now, 0) : null;

    // What it was given by an answer that was lost it has to give back, too.
    private bool IsUntold(RateStanding now) => now.Used > _heard.Used || now.Returned > _heard.Returned || !ReferenceEquals(_asked, _heard);

    // The quickest of the messages tell it best, but clocks drift: an old answer counts for less than a new one.
    private void Compare(RateAnswer answer, long now)
    {
        long drift = Drift + ((now - _heardAt) / Steadiness);
        (long least, long most) = (answer.At - now, answer.At - _asked.At);
        // One that the others contradict comes after a clock has stood still or jumped.
        bool isSame = answer.Clock == _clock && least <= _most + drift && most >= _least - drift;
        (_clock, _heardAt, _heardOn) = (answer.Clock, now, pool.Date());
        _least = isSame ? Math.Max(_least - drift, least) : least;
        _most = isSame ? Math.Min(_most + drift, most) : most;
    }

    private RateAsk Ask(string replyTo, RateStanding now, int wanted)
    {
        _asked = now;
        bool isFresh = now.At - _heardAt <= Fresh && (pool.Date() - _heardOn).Duration().Ticks <= Fresh;
        return new RateAsk(name, worker, replyTo, _rate.Number, _rate.Window.Ticks, ++_number, now.Used, now.Uses, now.Returned, now.Held, wanted) { Clock = isFresh ? _clock : null, At = now.At + _most };
    }
}
