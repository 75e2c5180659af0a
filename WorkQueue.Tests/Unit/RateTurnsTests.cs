using Microsoft.Extensions.Time.Testing;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Tests.Unit;

/// <summary>When a worker asks the leader for permits, and when it does not: there may be hundreds of lanes with a rate.</summary>
public sealed class RateTurnsTests : IDisposable
{
    private static readonly TaskRate Rate = new(1, TimeSpan.FromMinutes(1));

    private readonly FakeTimeProvider _clock = new();
    private readonly RateBook _book;
    private readonly RatePool _pool;
    private readonly RateTurns _turns;

    public RateTurnsTests()
    {
        _book = new RateBook(Rate, Now - Rate.Window.Ticks);
        _pool = new RatePool(Rate, _clock);
        _turns = new RateTurns("mail:lane-7", _pool, "worker");
    }

    private long Now => _clock.GetElapsedTime(0).Ticks;

    public void Dispose() => _pool.Dispose();

    [Fact]
    public void Of_a_lane_that_no_slot_wants_to_take_from_nothing_is_asked()
    {
        Assert.Equal(0, Turns(TimeSpan.FromMinutes(1)));
        Assert.Null(_turns.Last("r"));
    }

    [Fact]
    public void Once_the_leader_knows_of_the_last_start_nothing_is_asked_any_more()
    {
        _pool.Waiters.Ask();
        Assert.Equal(1, Turns(RateTurns.Interval));
        Start();
        Assert.Equal(1, Turns(TimeSpan.FromMinutes(5)));
        Assert.Null(_turns.Last("r"));
    }

    [Fact]
    public void What_no_slot_has_taken_goes_back_and_another_worker_has_it()
    {
        _pool.Waiters.Ask();
        Turns(RateTurns.Interval);
        Assert.Equal(1, _pool.Held);
        Assert.InRange(Turns(TimeSpan.FromMinutes(1)), 1, 5);
        Assert.Equal(0, _pool.Held);
        Assert.Equal(1, _book.Answer(new RateAsk("mail:lane-7", "other", "r", 1, Rate.Window.Ticks, 1, 0, [], 0, [], 1), Now)!.Held.Sum(some => some[1]));
    }

    [Fact]
    public void What_an_answer_gave_that_was_lost_goes_back_too()
    {
        _pool.Waiters.Ask();
        RateAsk lost = _turns.Next("r")!;
        Assert.Equal(1, _book.Answer(lost, Now)!.Held.Sum(some => some[1]));
        Assert.InRange(Turns(TimeSpan.FromSeconds(4)), 1, 5);
        Assert.Equal(0, Turns(TimeSpan.FromSeconds(4)));
        Assert.Equal(1, _book.Answer(lost with { Worker = "other" }, Now)!.Held.Sum(some => some[1]));
    }

    [Fact]
    public void It_is_known_that_none_comes_soon()
    {
        TimeSpan soon = TimeSpan.FromMilliseconds(400);
        Assert.True(_pool.MayHaveWithin(soon));
        _pool.Waiters.Ask();
        Turns(RateTurns.Interval);
        Assert.True(_pool.MayHaveWithin(soon));
        Start();
        Turns(TimeSpan.FromSeconds(50));
        Assert.False(_pool.MayHaveWithin(soon));
        Turns(TimeSpan.FromSeconds(15));
        Assert.True(_pool.MayHaveWithin(soon));
    }

    private void Start() => _pool.Use(_pool.TryTake()!.Value);

    // How many times it asked, each of which was answered.
    private int Turns(TimeSpan length)
    {
        int asks = 0;
        for (long end = Now + length.Ticks; Now < end; _clock.Advance(RateTurns.Interval))
        {
            if (_turns.Next("r") is { } ask)
            {
                asks++;
                Assert.True(_turns.Hear(_book.Answer(ask, Now)!));
            }
        }

        return asks;
    }
}
