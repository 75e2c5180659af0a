using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

public sealed class TopicPatternTests
{
    [Theory]
    [InlineData("#", true)]
    [InlineData("task.#", true)]
    [InlineData("task.default.simulate.succeeded", true)]
    [InlineData("task.*.*.succeeded", true)]
    [InlineData("#.succeeded", true)]
    [InlineData("task.#.succeeded.#", true)]
    [InlineData("#.#.task.#.#", true)]
    [InlineData("task.default.simulate.succeeded.#", true)]
    [InlineData("*.*.*.*", true)]
    [InlineData("*.*.*", false)]
    [InlineData("task.*.succeeded", false)]
    [InlineData("task.default.simulate.failed", false)]
    [InlineData("task.#.simulate", false)]
    [InlineData("task.default.simulate.succeeded.*", false)]
    public void A_star_is_one_word_and_a_hash_any_number(string text, bool fits)
    {
        Assert.True(TopicPattern.TryParse(text, out TopicPattern? pattern));
        Assert.Equal(fits, pattern.Matches("task.default.simulate.succeeded"));
    }

    [Theory]
    [InlineData(null)]
    [InlineData("")]
    [InlineData("task.")]
    [InlineData("task..x")]
    [InlineData("ta*k")]
    [InlineData("task.##")]
    [InlineData("a b")]
    [InlineData("1.2.3.4.5.6.7.8.9.10.11.12.13.14.15.16.17.18.19.20.21")]
    public void What_is_no_pattern_is_refused(string? text) => Assert.False(TopicPattern.TryParse(text, out _));

    [Fact]
    public async Task A_watcher_that_does_not_read_is_cut_off_and_told()
    {
        TaskEvents events = new();
        Records records = new(new FakeClock());
        Assert.True(TopicPattern.TryParse("task.default.#", out TopicPattern? pattern));
        using EventSubscription slow = events.Subscribe([pattern]);
        for (int number = 0; number < 5_000; number++)
        {
            events.Publish(records.Queued("a"));
        }

        int read = 0;
        await Assert.ThrowsAsync<SubscriberTooSlowException>(async () =>
        {
            await foreach (TaskEvent happened in slow.ReadAsync(CancellationToken.None))
            {
                Assert.Equal(("task.default.simulate.queued", true), (happened.Topic, happened.Record!.Body.IsEmpty));
                read++;
            }
        });
        Assert.Equal(4_096, read);
    }
}
