using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Tests.Unit;

/// <summary>The leader's book of a rate, and what workers ask it.</summary>
public sealed class RateBookTests
{
    private static readonly TaskRate Rate = new(10, TimeSpan.FromSeconds(10));

    private readonly RateBook _book = new(Rate, -Seconds(10));
    private int _turn;

    [Fact]
    public void What_was_used_comes_back_one_window_later_and_not_before()
    {
        Assert.Equal(10, Ask("a", 0, wanted: 20));
        // Used at once; who asks half a second before is promised it for then.
        Assert.Equal(0, Ask("a", 1, wanted: 10, used: 10, ago: 1));
        Assert.Equal(0, Ask("a", 9.4, wanted: 10, used: 10));
        RateAnswer answer = Answer("a", 9.6, wanted: 10, used: 10)!;
        Assert.Equal(10, answer.Held.Sum(some => some[1]));
        Assert.All(answer.Held, some => Assert.InRange(some[0], Seconds(0.4), Seconds(0.5)));
    }

    [Fact]
    public void An_ask_that_comes_twice_and_an_answer_that_is_lost_make_no_permit_more()
    {
        RateAsk first = AskOf("a", wanted: 6);
        Assert.Equal(6, Sum(_book.Answer(first, 0)));
        // The answer was lost: it says that it holds none, and is told the same again.
        Assert.Equal(6, Ask("a", 0.3, wanted: 6));
        RateAsk uses = AskOf("a", wanted: 6, used: 2, held: 4);
        Assert.Equal(6, Sum(_book.Answer(uses, Seconds(0.5))));
        Assert.Equal(6, Sum(_book.Answer(uses, Seconds(0.6))));
        Assert.Equal(2, Ask("b", 0.7, wanted: 20));
        Assert.Null(_book.Answer(first, Seconds(0.8)));
    }

    [Fact]
    public void What_a_worker_gives_back_another_gets_at_once()
    {
        Assert.Equal(10, Ask("a", 0, wanted: 10));
        Assert.Equal(0, Ask("b", 0.1, wanted: 10));
        Assert.Equal(3, Ask("a", 0.2, wanted: 3, returned: 7, held: 3));
        Assert.Equal(5, Ask("b", 0.3, wanted: 10));
    }

    [Fact]
    public void Of_workers_that_want_more_than_there_is_none_gets_more_than_its_share()
    {
        Ask("a", 0, wanted: 1);
        Ask("b", 0, wanted: 1);
        Assert.Equal(5, Ask("a", 0.2, wanted: 100, held: 1));
        Assert.Equal(5, Ask("b", 0.3, wanted: 100, held: 1));
    }

    [Fact]
    public void What_a_worker_held_that_fell_silent_counts_as_used_five_seconds_later()
    {
        Assert.Equal(10, Ask("a", 0, wanted: 10));
        Assert.Equal(0, Ask("b", 4.9, wanted: 10));
        Assert.Equal(0, Ask("b", 14.4, wanted: 10));
        RateAnswer answer = Answer("b", 14.9, wanted: 10)!;
        Assert.Equal(10, Sum(answer));
        Assert.All(answer.Held, some => Assert.True(some[0] >= Seconds(0.1)));
        // It is back, and says what it did meanwhile: that is known.
        Assert.Equal(0, Ask("a", 15, wanted: 10, used: 10, ago: 14));
    }

    [Fact]
    public void A_new_leader_takes_it_that_all_were_used_evenly_and_learns_what_is_held()
    {
        RateBook next = new(Rate, 0);
        Assert.Equal(4, Sum(next.Answer(AskOf("a", wanted: 4, held: 4), Seconds(0.1))));
        // Those that come back first make up for the four.
        Assert.Equal(0, Sum(next.Answer(AskOf("b", wanted: 10), Seconds(4.4))));
        Assert.Equal(1, Sum(next.Answer(AskOf("b", wanted: 10), Seconds(4.6))));
        Assert.Equal(4, Sum(next.Answer(AskOf("a", wanted: 4, held: 4), Seconds(4.7))));
        Assert.Equal(5, Sum(next.Answer(AskOf("b", wanted: 10), Seconds(9.6))));
        Assert.Equal(1, Sum(next.Answer(AskOf("a", wanted: 1, returned: 3, held: 1), Seconds(9.65))));
        // Half of ten, while two want some.
        Assert.Equal(5, Sum(next.Answer(AskOf("b", wanted: 10), Seconds(9.7))));
    }

    [Fact]
    public void Of_two_rates_the_lower_holds_for_as_long_as_a_worker_has_it()
    {
        Assert.False(_book.IsOver("a", Rate, 0));
        Ask("a", 0, wanted: 0);
        TaskRate higher = new(20, Rate.Window);
        Assert.False(_book.IsOver("b", higher, Seconds(1)));
        Assert.True(_book.IsOver("b", new TaskRate(5, Rate.Window), Seconds(1)));
        _book.Answer(AskOf("b", wanted: 0) with { Number = 20 }, Seconds(4));
        Assert.False(_book.IsOver("b", higher, Seconds(4.9)));
        Assert.True(_book.IsOver("b", higher, Seconds(5.1)));
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(2, 3)]
    [InlineData(3, 10)]
    [InlineData(4, 100)]
    [InlineData(5, 5000)]
    public void No_window_ever_has_more_starts_than_the_rate_allows_whatever_is_lost_and_whoever_dies(int seed, int number)
    {
        RateWorld world = new(seed, new TaskRate(number, TimeSpan.FromSeconds(3)));
        int starts = world.Run(TimeSpan.FromMinutes(2));
        Assert.InRange(world.Most, number * 4 / 5, number);
        Assert.InRange(starts, number * 10, number * 41);
    }

    [Theory]
    [InlineData(1, 1, 1000)]
    [InlineData(2, 10, 1000)]
    [InlineData(3, 100, 1000)]
    [InlineData(4, 100, 200)]
    public void However_often_leaders_change_no_window_has_more_than_one_burst_more(int seed, int number, int leaderDies)
    {
        RateWorld world = new(seed, new TaskRate(number, TimeSpan.FromSeconds(3)), leaderDies);
        world.Run(TimeSpan.FromMinutes(2));
        Assert.InRange(world.Most, 1, 2 * number);
    }

    private static long Seconds(double seconds) => (long)(seconds * TimeSpan.TicksPerSecond);

    private static long Sum(RateAnswer? answer) => answer!.Held.Sum(some => some[1]);

    private long Ask(string worker, double at, int wanted, int used = 0, double ago = 0, int returned = 0, int held = 0) => Sum(Answer(worker, at, wanted, used, ago, returned, held));

    private RateAnswer? Answer(string worker, double at, int wanted, int used = 0, double ago = 0, int returned = 0, int held = 0) =>
        _book.Answer(AskOf(worker, wanted, used, ago, returned, held), Seconds(at));

    private RateAsk AskOf(string worker, int wanted, int used = 0, double ago = 0, int returned = 0, int held = 0) =>
        new("q", worker, "r", Rate.Number, Rate.Window.Ticks, ++_turn, used, [[Seconds(ago), used]], returned, [[0, held]], wanted);
}
