using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

/// <summary>Whatever order the records of random lives come in, and however often: the end is the same.</summary>
public sealed class ProjectionOrderTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    [InlineData(4)]
    [InlineData(5)]
    public void Shuffled_and_repeated_records_give_the_same_state_as_in_order(int seed)
    {
#pragma warning disable CA5394 // The same lives in every run.
        Random random = new(seed);
        FakeClock clock = new();
        HistoryRecord[] history = [.. Enumerable.Range(0, 200).SelectMany(task => Life($"task-{task}", random, clock))];
        TaskProjection expected = Records.NewProjection(clock);
        expected.Apply(history);
        for (int round = 0; round < 5; round++)
        {
            HistoryRecord[] shuffled = [.. history, .. history.Where(_ => random.Next(4) == 0)];
            random.Shuffle(shuffled);
            TaskProjection actual = Records.NewProjection(clock);
            actual.Apply(shuffled);
            Assert.All(Enumerable.Range(0, 200), task => Assert.Equal(expected.Find($"task-{task}"), actual.Find($"task-{task}")));
            Assert.All(Enumerable.Range(0, 200), task => Assert.Equal(expected.OffsetsOf($"task-{task}"), actual.OffsetsOf($"task-{task}")));
            AssertSame(expected.Counts(), actual.Counts());
            Assert.Equal(
                expected.DeadGroups(null, 100).Select(group => (group.Error, group.Count)).Order(), actual.DeadGroups(null, 100).Select(group => (group.Error, group.Count)).Order());
        }
    }

    private static void AssertSame(TaskCounts expected, TaskCounts actual)
    {
        Assert.Equal(expected.ByState, actual.ByState);
        Assert.Equal((expected.Duplicates, expected.CancelledOnBroker), (actual.Duplicates, actual.CancelledOnBroker));
        Assert.Equal(200, actual.Confirmed);
    }

    private static List<HistoryRecord> Life(string id, Random random, FakeClock clock)
    {
        // Offsets of one clock: as different tasks' records are mixed in the history.
        Records records = new(clock);
        List<HistoryRecord> life = [random.Next(5) == 0 ? records.Scheduled(id, TimeSpan.FromHours(1)) : records.Queued(id)];
        (int attempt, int redriven, int returned) = (1, 0, 0);
        bool goesOn = true;
        while (goesOn && life.Count < 30)
        {
            clock.Advance(TimeSpan.FromMilliseconds(random.Next(1, 50)));
            switch (random.Next(12))
            {
                case < 3:
                    life.Add(records.Running(id, attempt, redriven, returned, $"worker-{random.Next(3)}"));
                    break;
                case 3:
                    life.Add(records.Progress(id, random.Next(100), attempt, redriven));
                    break;
                case 4:
                    life.Add(records.Retrying(id, ++attempt, TimeSpan.FromHours(random.Next(2)), redriven: redriven));
                    returned = 0;
                    break;
                case 5:
                    life.Add(records.Queued(id, attempt, redriven, ++returned));
                    break;
                case 6:
                    life.Add(records.Dead(id, $"error {random.Next(5)}", attempt, redriven));
                    goesOn = random.Next(2) == 0;
                    if (goesOn)
                    {
                        (attempt, returned) = (1, 0);
                        life.Add(records.Queued(id, 1, ++redriven));
                    }

                    break;
                case 7:
                    life.Add(records.Cancelled(id, attempt, redriven, random.Next(2) == 0 ? "worker-1" : null));
                    break;
                case 8:
                    life.Add(records.Dropped(id, attempt, redriven));
                    break;
                case 9:
                    life.Add(records.Succeeded(id, attempt, redriven, returned));
                    goesOn = random.Next(3) == 0;
                    break;
                default:
                    goesOn = random.Next(4) != 0;
                    break;
            }
        }
#pragma warning restore CA5394
        return life;
    }
}
