using Microsoft.Extensions.Time.Testing;
using WorkQueue.Messaging.Consuming;

namespace WorkQueue.Tests.Unit;

public sealed class CountPaceTests
{
    private readonly FakeTimeProvider _clock = new();

    [Theory]
    [InlineData(16, 0, 100)]
    [InlineData(16, 8, 100)]
    [InlineData(16, 16, 50)]
    [InlineData(16, 1000, 20)]
    [InlineData(64, 0, 320)]
    [InlineData(64, 8, 100)]
    [InlineData(64, 1000, 64)]
    [InlineData(2, 1000, 20)]
    public void Lanes_are_counted_twice_in_the_time_of_a_task_within_what_the_broker_is_to_be_asked(int lanes, int takenIn100Ms, int milliseconds)
    {
        CountPace pace = new(lanes, _clock);
        for (int round = 0; round < 4; round++)
        {
            int since = 0;
            for (; since < 100 || !pace.IsDue(slots: 16); since++)
            {
                for (int task = takenIn100Ms * since / 100; task < takenIn100Ms * (since + 1) / 100; task++)
                {
                    pace.Taken();
                }

                _clock.Advance(TimeSpan.FromMilliseconds(1));
            }
        }

        Assert.InRange(pace.Interval.TotalMilliseconds, milliseconds * 0.9, milliseconds * 1.1);
    }

    [Fact]
    public void It_is_due_once_in_an_interval()
    {
        CountPace pace = new(2, _clock);
        Assert.False(pace.IsDue(slots: 1));
        _clock.Advance(pace.Interval);
        Assert.True(pace.IsDue(slots: 1));
        Assert.False(pace.IsDue(slots: 1));
    }
}
