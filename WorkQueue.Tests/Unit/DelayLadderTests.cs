using WorkQueue.Messaging.Topology;

namespace WorkQueue.Tests.Unit;

public sealed class DelayLadderTests
{
    [Theory]
    [InlineData(-1000)]
    [InlineData(0)]
    public void A_delay_that_is_over_needs_no_waiting(int milliseconds) =>
        Assert.Null(DelayLadder.RoutingKey(TimeSpan.FromMilliseconds(milliseconds), "default"));

    [Theory]
    [InlineData(1)]
    [InlineData(250)]
    [InlineData(251)]
    [InlineData(4000)]
    [InlineData(3_600_000)]
    public void The_levels_of_a_key_add_up_to_the_delay_and_never_to_less(int milliseconds)
    {
        TimeSpan delay = TimeSpan.FromMilliseconds(milliseconds);
        TimeSpan waited = WaitOf(DelayLadder.RoutingKey(delay, "default")!);
        Assert.InRange(waited, delay, delay + DelayLadder.Unit);
    }

    [Fact]
    public void The_longest_delay_is_over_thirty_days_and_uses_every_level()
    {
        Assert.True(DelayLadder.Longest > TimeSpan.FromDays(48));
        Assert.Equal(DelayLadder.Longest, WaitOf(DelayLadder.RoutingKey(DelayLadder.Longest, "default")!));
        Assert.Throws<ArgumentOutOfRangeException>(() => DelayLadder.RoutingKey(DelayLadder.Longest + DelayLadder.Unit, "default"));
    }

    [Fact]
    public void A_key_ends_in_the_queue_and_fits_AMQP_with_the_longest_queue_name()
    {
        string queue = new('q', 100);
        string key = DelayLadder.RoutingKey(TimeSpan.FromDays(1), queue)!;
        Assert.EndsWith("." + queue, key, StringComparison.Ordinal);
        Assert.InRange(key.Length, 1, 255);
    }

    [Fact]
    public void Each_key_enters_at_exactly_one_level()
    {
        string key = DelayLadder.RoutingKey(TimeSpan.FromSeconds(5), "default")!;
        int[] entered = [.. Enumerable.Range(0, DelayLadder.Levels).Where(level => Matches(DelayLadder.EntryKey(level), key))];
        Assert.Equal([4], entered);
    }

    private static TimeSpan WaitOf(string key) =>
        key.Split('.')[..DelayLadder.Levels]
            .Select((digit, index) => digit == "1" ? DelayLadder.TimeAt(DelayLadder.Levels - 1 - index) : TimeSpan.Zero)
            .Aggregate(TimeSpan.Zero, (sum, time) => sum + time);

    // A topic pattern that ends in '#'.
    private static bool Matches(string pattern, string key)
    {
        string[] words = pattern.Split('.')[..^1];
        return words.Zip(key.Split('.')).All(pair => pair.First == "*" || pair.First == pair.Second);
    }
}
