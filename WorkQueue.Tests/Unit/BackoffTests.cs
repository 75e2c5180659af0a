using WorkQueue.Messaging.Connections;

namespace WorkQueue.Tests.Unit;

public sealed class BackoffTests
{
    [Theory]
    [InlineData(0, 1, 0.2)]
    [InlineData(0, 0, 0.1)]
    [InlineData(3, 1, 1.6)]
    [InlineData(8, 1, 30)]
    [InlineData(1000, 1, 30)]
    [InlineData(1000, 0, 15)]
    public void The_wait_doubles_to_thirty_seconds_and_is_at_least_half_of_that(int failures, double random, double seconds) =>
        Assert.Equal(seconds, Backoff.Delay(failures, random).TotalSeconds, precision: 6);
}
