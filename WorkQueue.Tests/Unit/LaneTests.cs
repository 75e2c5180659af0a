using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

public sealed class LaneTests
{
    // A task that is in one lane by this version, and in another by the next, would be out of its order: these never change.
    [Theory]
    [InlineData("tenant-1", 4, "mail:lane-4")]
    [InlineData("tenant-2", 4, "mail:lane-2")]
    [InlineData("ñandú", 16, "mail:lane-16")]
    public void A_key_is_in_the_same_lane_in_every_program(string key, int lanes, string lane) =>
        Assert.Equal(lane, Queue(new QueueOptions { Lanes = lanes }).Lanes.Of("probe", null, key).Key);

    [Theory]
    [InlineData(null, "mail")]
    [InlineData((byte)0, "mail")]
    [InlineData((byte)1, "mail:low")]
    [InlineData((byte)3, "mail:low")]
    [InlineData((byte)4, "mail")]
    [InlineData((byte)5, "mail:high")]
    [InlineData((byte)255, "mail:high")]
    public void What_other_programs_call_a_priority_is_understood(byte? priority, string lane) =>
        Assert.Equal(lane, Queue(new QueueOptions { Priorities = true }).Lanes.Of("probe", priority, "id").Key);

    [Fact]
    public void A_queue_without_lanes_has_its_old_names_alone()
    {
        TaskLane lane = Assert.Single(Queue(new QueueOptions()).Lanes.All);
        Assert.Equal(("mail", "wq.mail"), (lane.Key, lane.BrokerName));
    }

    [Fact]
    public void A_type_has_a_lane_for_a_limit_or_for_a_rate_and_for_both_one()
    {
        TaskRate rate = new(30, TimeSpan.FromMinutes(1));
        TaskLanes lanes = new TaskQueue("mail", "wq", new QueueOptions(), TimeSpan.FromMinutes(30), new Dictionary<string, TaskTypeOptions>
        {
            ["few"] = new() { MaxRunning = 2 },
            ["slow"] = new() { Rate = "30/00:01:00" },
            ["both"] = new() { MaxRunning = 2, Rate = "30/00:01:00" },
        }).Lanes;
        Assert.Equal([("mail", null, null), ("mail:type-few", 2, null), ("mail:type-slow", null, rate), ("mail:type-both", 2, rate)], lanes.All.Select(lane => (lane.Key, lane.Limit, lane.Rate)));
        Assert.Equal("mail:type-slow", lanes.Of("slow", null, "").Key);
    }

    [Fact]
    public void The_rate_of_a_key_is_that_of_each_lane()
    {
        TaskQueue queue = Queue(new QueueOptions { Lanes = 3, RatePerKey = "30/00:01:00", MaxRunningPerKey = 2 });
        Assert.Equal([("mail", 2), ("mail:lane-2", 2), ("mail:lane-3", 2)], queue.Lanes.All.Select(lane => (lane.Key, lane.Limit)));
        Assert.All(queue.Lanes.All, lane => Assert.Equal(new TaskRate(30, TimeSpan.FromMinutes(1)), lane.Rate));
    }

    [Fact]
    public void A_slot_goes_to_the_lane_that_fewest_others_take_from() => Assert.Equal(2, Next(4, [100, 0, 5, 5], [3, 0, 0, 1], current: 0));

    [Fact]
    public void A_slot_stays_where_it_is_while_nobody_is_worse_off() => Assert.Equal(0, Next(2, [100, 5], [1, 1], current: 0));

    [Fact]
    public void With_more_lanes_than_slots_each_has_its_turn()
    {
        Assert.Equal(0, Next(3, [100, 5, 5], [0, 0, 0], current: 0));
        Assert.Equal(1, Next(3, [100, 5, 5], [0, 0, 0], current: 0, isTurnOver: true));
        Assert.Equal(2, Next(3, [100, 5, 5], [0, 0, 0], current: 1, isTurnOver: true));
        Assert.Equal(0, Next(3, [100, 5, 5], [0, 0, 0], current: 2, isTurnOver: true));
    }

    [Fact]
    public void Slots_without_a_task_wait_in_all_lanes() => Assert.Equal(1, Next(3, [0, 0, 0], [1, 0, 1], current: 0));

    [Fact]
    public void From_a_closed_lane_nothing_is_taken()
    {
        Assert.Equal(1, Next(3, [null, 5, null], [0, 9, 0], current: 0));
        Assert.Null(Next(2, [null, null], [0, 0], current: 0));
    }

    [Fact]
    public void High_comes_first_and_each_tenth_is_one_of_the_others()
    {
        TaskQueue queue = Queue(new QueueOptions { Priorities = true });
        int?[] taken = [.. Enumerable.Range(0, 40).Select(count => Next(queue, [100, 100, 100], [0, 0, 0], 0, count, false))];
        Assert.Equal(36, taken.Count(lane => lane == 0));
        Assert.Equal(2, taken.Count(lane => lane == 1));
        Assert.Equal(2, taken.Count(lane => lane == 2));
    }

    // What a worker has died of is known by what the broker delivers, and that stays as it is.
    [Fact]
    public void A_task_that_is_run_again_in_its_place_is_known_as_the_broker_has_it()
    {
        TaskMessage message = new() { Id = "id", Type = "probe", Queue = "mail", Body = default };
        TaskDelivery delivery = new(1, message, Redelivered: false, EarlierDeliveries: 0, Unreadable: null);
        delivery.TryAgain(DateTimeOffset.UnixEpoch);
        delivery.TryAgain(DateTimeOffset.UnixEpoch);
        Assert.Equal((1, 3), (delivery.Delivered.Attempt, delivery.Message.Attempt));
    }

    private static int? Next(int lanes, long?[] ready, int[] slots, int current, bool isTurnOver = false) =>
        Next(Queue(new QueueOptions { Lanes = lanes }), ready, slots, current, 0, isTurnOver);

    private static int? Next(TaskQueue queue, long?[] ready, int[] slots, int current, long taken, bool isTurnOver) =>
        new LaneChoice(queue.Lanes.All, ready, lane => slots[lane]).Next(current, taken, _ => taken, isTurnOver);

    private static TaskQueue Queue(QueueOptions options) => new("mail", "wq", options, TimeSpan.FromMinutes(30));
}
