using WorkQueue.Board.Api;
using Xunit.Abstractions;

namespace WorkQueue.Tests.Unit.Api;

public sealed class ScalingPolicyTests(ITestOutputHelper output)
{
    private static readonly DateTimeOffset Start = new(2026, 1, 2, 0, 0, 0, TimeSpan.Zero);
    private static readonly ScalingSettings Settings = new(TimeSpan.FromSeconds(30), 1, 100, TimeSpan.FromMinutes(5));

    [Fact]
    public void What_waits_is_to_be_started_within_half_of_the_target_by_more_workers_at_once()
    {
        ScalingDecision decision = new ScalingPolicy(Settings).Decide(Sample(ready: 300, running: 8, workers: 2));
        // 300 tasks of two seconds in 15 s take 40 slots.
        Assert.Equal((10, "300 wait, to be started within 00:00:30"), (decision.Wanted, decision.Reason));
    }

    [Fact]
    public void A_long_task_that_waits_has_a_use_for_one_slot_and_no_more() =>
        Assert.Equal(2, new ScalingPolicy(Settings).Decide(Sample(ready: 3, running: 4, workers: 1) with { SecondsPerTask = 600 }).Wanted);

    [Fact]
    public void What_comes_is_what_the_slots_are_busy_with_for_nine_tenths() =>
        Assert.Equal((12, "20 tasks a second of 2 s each"), Both(new ScalingPolicy(Settings).Decide(Sample(arrivals: 20, running: 40, workers: 10))));

    [Fact]
    public void There_are_fewer_only_when_fewer_have_been_enough_for_the_time_of_stabilisation()
    {
        ScalingPolicy policy = new(Settings);
        Assert.Equal(10, policy.Decide(Sample(ready: 300, workers: 2)).Wanted);
        for (int seconds = 15; seconds <= 300; seconds += 15)
        {
            ScalingDecision held = policy.Decide(Sample(at: seconds, workers: 10));
            Assert.Equal((10, "1 would do at the moment; held until fewer have been enough for 00:05:00"), (held.Wanted, held.Reason));
        }

        ScalingDecision last = policy.Decide(Sample(at: 315, workers: 10));
        Assert.Equal((1, "fewer have been enough for 00:05:00: nothing waits; the minimum is 1"), (last.Wanted, last.Reason));
    }

    [Fact]
    public void Who_has_just_started_knows_nothing_of_the_time_before_and_leaves_as_many_as_there_are()
    {
        ScalingPolicy policy = new(Settings);
        Assert.Equal(7, policy.Decide(Sample(workers: 7)).Wanted);
        Assert.Equal(7, policy.Decide(Sample(at: 290, workers: 7)).Wanted);
        // Not asked for longer than it remembers.
        Assert.Equal(5, policy.Decide(Sample(at: 3000, workers: 5)).Wanted);
    }

    [Fact]
    public void There_are_never_fewer_than_what_runs_needs()
    {
        ScalingPolicy policy = new(Settings with { Stabilisation = TimeSpan.Zero });
        policy.Decide(Sample(running: 21, workers: 8));
        Assert.Equal((6, "fewer have been enough for 00:00:00: 21 run"), Both(policy.Decide(Sample(at: 15, running: 21, workers: 8))));
    }

    [Fact]
    public void With_a_minimum_of_none_there_is_none_while_nothing_waits_runs_or_comes()
    {
        ScalingPolicy policy = new(Settings with { Min = 0, Stabilisation = TimeSpan.Zero });
        policy.Decide(Sample(workers: 1));
        Assert.Equal((0, "fewer have been enough for 00:00:00: nothing waits"), Both(policy.Decide(Sample(at: 15, workers: 1))));
        Assert.Equal(1, policy.Decide(Sample(at: 30, ready: 1)).Wanted);
    }

    [Fact]
    public void A_paused_queue_and_a_limit_need_no_more_for_what_waits()
    {
        Assert.Equal((1, "the queue is paused; what runs is left to end; the minimum is 1"), Both(new ScalingPolicy(Settings).Decide(Sample(ready: 5000) with { IsPaused = true })));
        Assert.Equal((2, "no more than 5 may run at once"), Both(new ScalingPolicy(Settings).Decide(Sample(ready: 5000) with { MostRunning = 5 })));
    }

    [Fact]
    public void The_maximum_is_kept_and_said() =>
        Assert.Equal((100, "50000 wait, to be started within 00:00:30, which takes 1667; the maximum is 100"), Both(new ScalingPolicy(Settings).Decide(Sample(ready: 50_000))));

    // Property: whatever the figures, in whatever order.
    [Fact]
    public void Whatever_is_known_the_answer_is_within_its_bounds_and_covers_what_runs()
    {
        Random random = new(20260102);
        for (int run = 0; run < 500; run++)
        {
            ScalingSettings settings = new(TimeSpan.FromSeconds(random.Next(1, 3600)), random.Next(0, 5), random.Next(5, 200), TimeSpan.FromSeconds(random.Next(0, 900)));
            ScalingPolicy policy = new(settings);
            int before = -1;
            for (int second = 0; second < 900; second += random.Next(1, 60))
            {
                ScalingSample sample = new(Start.AddSeconds(second), random.NextInt64(0, 10_000), random.NextInt64(0, 1_000), random.Next(0, 250), 1 + (random.NextDouble() * 15), random.NextDouble() * 500, 0.001 + (random.NextDouble() * 900));
                int wanted = policy.Decide(sample).Wanted;
                Assert.InRange(wanted, settings.Min, settings.Max);
                Assert.True(wanted >= Math.Min(settings.Max, Math.Ceiling(sample.Running / sample.SlotsPerWorker) - 1e-6), $"{sample.Running} run on {wanted}");
                Assert.True(wanted >= before || settings.Stabilisation.TotalSeconds < second, "fewer before the time of stabilisation is over");
                before = second == 0 ? wanted : Math.Max(before, wanted);
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void A_day_with_peaks_and_noise_is_served_in_time_without_flapping_and_at_a_fair_cost(int seed)
    {
        SimulatedDay day = new(seed, new ScalingSettings(TimeSpan.FromSeconds(30), 1, 200, TimeSpan.FromMinutes(5)));
        day.Run();
        output.WriteLine($"{day.Tasks} tasks; longest wait {day.LongestWait:0.0} s, p99 {day.Wait99:0.0} s; {day.Changes} changes of direction in {SimulatedDay.Peaks} peaks; {day.WorkerHours:0.0} worker-hours, {day.WorkerHours / day.IdealHours:0.00} of the ideal; most workers {day.Most}");
        // The target, and the time a worker takes to start.
        Assert.InRange(day.LongestWait, 0, 30 + SimulatedDay.StartSeconds);
        Assert.InRange(day.Changes, 2, 4 * SimulatedDay.Peaks);
        Assert.InRange(day.WorkerHours / day.IdealHours, 1, 1.5);
    }

    private static ScalingSample Sample(double at = 0, long ready = 0, long running = 0, int workers = 1, double arrivals = 0) => new(Start.AddSeconds(at), ready, running, workers, 4, arrivals, 2);

    private static (int, string) Both(ScalingDecision decision) => (decision.Wanted, decision.Reason);
}
