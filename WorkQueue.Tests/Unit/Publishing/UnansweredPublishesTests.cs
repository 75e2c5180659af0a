using FsCheck;
using FsCheck.Fluent;
using Microsoft.Extensions.Time.Testing;
using RabbitMQ.Client;
using WorkQueue.Messaging.Publishing;

namespace WorkQueue.Tests.Unit.Publishing;

/// <summary>The answers of a broker, in any order it gives them.</summary>
public sealed class UnansweredPublishesTests
{
    private readonly FakeTimeProvider _clock = new();

    [Fact]
    public void Every_publish_is_answered_once_by_its_number_or_one_after_it()
    {
        Gen<(int Number, bool AndAllBefore)[]> answers =
            from numbers in Gen.Choose(1, 60).ArrayOf()
            from alone in Gen.Choose(1, 3)
            select numbers.Select((number, at) => (number, at % 4 >= alone)).ToArray();
        Prop.ForAll(answers.ToArbitrary(), CheckAnswers).QuickCheckThrowOnFailure();
    }

    [Fact]
    public void One_that_is_added_after_all_were_answered_is_answered_by_its_own_number()
    {
        UnansweredPublishes unanswered = new();
        List<PendingPublish> taken = [];
        unanswered.Add(Publish());
        unanswered.TakeAnswered(1, true, taken);
        PendingPublish second = Publish();
        unanswered.Add(second);
        taken.Clear();
        unanswered.TakeAnswered(2, true, taken);
        Assert.Equal([second], taken);
    }

    [Fact]
    public void One_caller_writes_at_a_time_for_all_and_in_their_order()
    {
        UnansweredPublishes unanswered = new();
        PendingPublish first = Publish(), second = Publish(), third = Publish();
        Assert.Equal((true, false), (unanswered.Add(first), unanswered.Add(second)));
        Assert.Equal([first, second, null], [unanswered.NextToWrite(), unanswered.NextToWrite(), unanswered.NextToWrite()]);
        Assert.True(unanswered.Add(third));
        Assert.Same(third, unanswered.NextToWrite());
    }

    [Fact]
    public void A_channel_s_timer_rings_for_each_publish_when_it_is_late_whatever_their_order()
    {
        UnansweredPublishes unanswered = new();
        List<PendingPublish> late = [];
        using ConfirmTimer timer = new(unanswered, _clock, publish =>
        {
            publish.SetResult(null);
            late.Add(publish);
        });
        PendingPublish patient = Publish(Timeout.InfiniteTimeSpan), slow = Publish(TimeSpan.FromSeconds(10)), quick = Publish(TimeSpan.FromSeconds(2));
        foreach (PendingPublish publish in new[] { patient, slow, quick })
        {
            unanswered.Add(publish);
            timer.Watch(publish);
        }

        _clock.Advance(TimeSpan.FromSeconds(1.9));
        Assert.Empty(late);
        _clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal([quick], late);
        _clock.Advance(TimeSpan.FromSeconds(8));
        Assert.Equal([quick, slow], late);
        PendingPublish next = Publish(TimeSpan.FromSeconds(1));
        unanswered.Add(next);
        timer.Watch(next);
        _clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal([quick, slow, next], late);
        Assert.Equal(TimeSpan.FromSeconds(11.1), unanswered.Oldest);
    }

    private void CheckAnswers((int Number, bool AndAllBefore)[] answers)
    {
        UnansweredPublishes unanswered = new();
        PendingPublish[] publishes = [.. Enumerable.Range(0, 50).Select(_ => Publish())];
        Assert.Equal([true, .. Enumerable.Repeat(false, 49)], publishes.Select(unanswered.Add));
        HashSet<int> expected = [];
        List<PendingPublish> taken = [];
        foreach ((int number, bool andAllBefore) in answers)
        {
            unanswered.TakeAnswered((ulong)number, andAllBefore, taken);
            expected.UnionWith(andAllBefore ? Enumerable.Range(1, number) : [number]);
        }

        Assert.Equal(taken.Count, taken.Distinct().Count());
        Assert.Equal([.. expected.Where(number => number <= 50).Select(number => publishes[number - 1])], taken.ToHashSet());
        Assert.Equal(publishes.Except(taken).ToHashSet(), [.. unanswered.Awaited()]);
    }

    private PendingPublish Publish(TimeSpan? limit = null) => new(new OutgoingMessage("", "queue", "test", new BasicProperties(), default), limit ?? TimeSpan.FromSeconds(1), _clock);
}
