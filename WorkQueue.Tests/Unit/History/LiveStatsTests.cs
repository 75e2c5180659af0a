using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

public sealed class LiveStatsTests
{
    private static readonly TimeSpan Second = TimeSpan.FromSeconds(1);

    private readonly FakeClock _clock = new();
    private readonly Records _records;
    private readonly TaskProjection _projection;

    public LiveStatsTests() => (_records, _projection) = (new Records(_clock), Records.NewProjection(_clock));

    [Fact]
    public void Rates_waits_and_runs_are_those_of_the_last_minutes()
    {
        List<HistoryRecord> history = [];
        for (int number = 1; number <= 100; number++)
        {
            string id = $"task-{number}";
            HistoryRecord queued = _records.Queued(id);
            HistoryRecord running = _records.Running(id) with { At = _clock.Now + TimeSpan.FromMilliseconds(number * 10), StartedAt = _clock.Now + TimeSpan.FromMilliseconds(number * 10) };
            HistoryRecord done = number <= 10 ? _records.Dead(id) : _records.Succeeded(id);
            history.AddRange([queued, running, done with { At = running.At + TimeSpan.FromMilliseconds(number * 100), StartedAt = running.At }]);
        }

        _clock.Advance(Second * 12);
        _projection.Apply(history);
        LiveStats live = _projection.Live();
        Assert.Equal((100 / 60.0, 100 / 60.0, 0.1), (live.InPerSecond, live.OutPerSecond, live.FailedShare));
        Assert.Equal(new Percentiles(0.5, 0.95, 0.99), live.Wait);
        Assert.Equal(new Percentiles(5, 9.5, 9.9), live.Run);
        Assert.Equal((60, 100), (live.PerSecond.Count, live.PerSecond.Sum(second => second.In)));
        _clock.Advance(TimeSpan.FromMinutes(6));
        live = _projection.Live();
        Assert.Equal((0.0, null, null), (live.InPerSecond, live.FailedShare, live.Wait));
    }

    [Fact]
    public void What_a_replay_tells_of_long_ago_is_no_present_rate()
    {
        HistoryRecord old = _records.Succeeded("a");
        _clock.Advance(TimeSpan.FromHours(1));
        _projection.Apply(old);
        LiveStats live = _projection.Live();
        Assert.Equal((0.0, 0.0, null), (live.InPerSecond, live.OutPerSecond, live.Run));
    }

    [Fact]
    public void The_oldest_waiting_is_the_one_that_is_queued_the_longest()
    {
        _projection.Apply([_records.Queued("a"), _records.Scheduled("b", Second * 5)]);
        _clock.Advance(Second * 10);
        Assert.Equal(Second * 10, _projection.Live().OldestWaiting);
        _projection.Apply(_records.Queued("other") with { Queue = "slow" });
        _clock.Advance(Second);
        Assert.Equal([("default", Second * 11), ("slow", Second)], _projection.OldestWaiting().OrderBy(queue => queue.Key, StringComparer.Ordinal).Select(queue => (queue.Key, queue.Value)));
        _clock.Advance(-Second);
        _projection.Apply(_records.Running("other") with { Queue = "slow" });
        _projection.Apply(_records.Running("a"));
        Assert.Equal(Second * 5, _projection.Live().OldestWaiting);
        _projection.Apply(_records.Running("b"));
        Assert.Null(_projection.Live().OldestWaiting);
    }

    [Fact]
    public void Who_waits_is_told_by_key_the_longest_first_and_as_far_as_the_tasks_wait()
    {
        _projection.Apply([.. Enumerable.Range(0, 30).Select(number => Keyed($"flood-{number}", "flood"))]);
        _clock.Advance(Second);
        _projection.Apply([Keyed("small-1", "small"), Keyed("small-2", "small") with { Type = "render" }, Keyed("else", "elsewhere") with { Queue = "slow" }, _records.Queued("nobody's")]);
        _clock.Advance(Second);
        Assert.Equal([new WaitingKey("flood", 30, Second * 2), new WaitingKey("small", 2, Second)], _projection.WaitingKeys("default", 10));
        Assert.Equal(["flood"], _projection.WaitingKeys("default", 1).Select(key => key.Key));
        // A run tells of no key, and does not take it away.
        _projection.Apply([.. Enumerable.Range(0, 30).Select(number => _records.Running($"flood-{number}"))]);
        Assert.Equal([new WaitingKey("small", 2, Second)], _projection.WaitingKeys("default", 10));
        _projection.Apply(_records.Queued("flood-7", returned: 1));
        Assert.Equal([new WaitingKey("small", 2, Second), new WaitingKey("flood", 1, TimeSpan.Zero)], _projection.WaitingKeys("default", 10));

        HistoryRecord Keyed(string id, string key) => _records.Queued(id) with { Key = key };
    }

    [Fact]
    public void The_time_to_drain_is_known_only_while_tasks_become_fewer()
    {
        Assert.Equal(TimeSpan.Zero, _projection.Live().TimeToDrain);
        _projection.Apply([.. Enumerable.Range(0, 100).Select(number => _records.Queued($"task-{number}"))]);
        Assert.Null(_projection.Live().TimeToDrain);
        _clock.Advance(TimeSpan.FromMinutes(2));
        _projection.Apply([.. Enumerable.Range(0, 60).Select(number => _records.Succeeded($"task-{number}"))]);
        Assert.Equal(Second * 40, _projection.Live().TimeToDrain);
    }
}
