using WorkQueue.Messaging.Consuming;

namespace WorkQueue.Tests.Unit;

public sealed class QueueOrderTests
{
    [Theory]
    [InlineData(0, 0, 0, 0, 0)]
    [InlineData(3, 5, 7, 0, 0)]
    [InlineData(0, 5, 7, 0, 1)]
    [InlineData(0, 0, 7, 0, 2)]
    [InlineData(3, 5, 7, 8, 0)]
    [InlineData(3, 5, 7, 9, 2)]
    [InlineData(3, 5, 0, 9, 1)]
    [InlineData(3, 0, 0, 9, 0)]
    [InlineData(3, 5, 7, 19, 1)]
    [InlineData(3, 5, 7, 29, 2)]
    public void A_slot_takes_from_the_first_queue_with_tasks_and_every_tenth_time_from_one_of_the_others_in_turn(long first, long second, long third, long taken, int next) =>
        Assert.Equal(next, QueueOrder.Next([first, second, third], taken));

    [Fact]
    public void A_paused_queue_is_passed_over()
    {
        Assert.Equal(1, QueueOrder.Next([null, 0], 0));
        Assert.Equal(0, QueueOrder.Next([0, null], 9));
        Assert.Null(QueueOrder.Next([null, null], 0));
    }
}
