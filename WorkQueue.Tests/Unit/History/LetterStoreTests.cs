using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Store;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

public sealed class LetterStoreTests
{
    private readonly Records _records = new(new FakeClock());
    private readonly TaskProjection _projection = Records.NewProjection(new FakeClock());

    [Fact]
    public void Letters_that_share_an_id_are_kept_apart_and_a_redrive_takes_the_oldest_of_its_count()
    {
        Take(_records.Dead("a", "first"), _records.Dead("a", "second"), _records.Dead("b", "third"), _records.Dead("a", "fourth", redriven: 1));
        Assert.Equal(["first", "second", "third", "fourth"], Errors());
        Take(_records.Queued("a", redriven: 1));
        Assert.Equal(["second", "third", "fourth"], Errors());
        Take(_records.Queued("a", redriven: 2));
        Assert.Equal(["second", "third"], Errors());
    }

    [Fact]
    public void A_redriven_task_that_is_interrupted_or_tried_again_takes_no_other_letter()
    {
        Take(_records.Dead("a", "first"), _records.Dead("a", "second"), _records.Queued("a", redriven: 1));
        Take(_records.Queued("a", redriven: 1, returned: 1) with { Worker = "worker-1" }, _records.Queued("a", attempt: 2, redriven: 1), _records.Queued("a"));
        Assert.Equal(["second"], Errors());
    }

    [Fact]
    public void A_discard_takes_one_letter_and_another_cancellation_none()
    {
        Take(_records.Dead("a", "first"), _records.Dead("a", "second"));
        Take(_records.Cancelled("a"));
        Assert.Equal(2, Letters().Count);
        Take(_records.Cancelled("a") with { Reason = IDeadLetters.Discarded });
        Assert.Equal(["second"], Errors());
        Take(_records.Cancelled("a") with { Reason = IDeadLetters.Discarded }, _records.Cancelled("b") with { Reason = IDeadLetters.Discarded });
        Assert.Empty(Letters());
    }

    [Fact]
    public void A_letter_whose_redrive_no_queue_took_is_back_in_its_place()
    {
        Take(_records.Dead("a", "first"), _records.Dead("b", "second"), _records.Queued("a", redriven: 1));
        Assert.Equal(["second"], Errors());
        Take(NotRedriven("a", 1));
        Assert.Equal(["first", "second"], Errors());
        Take(_records.Queued("a", redriven: 1), _records.Dead("a", "again", redriven: 1), NotRedriven("a", 2));
        Assert.Equal(["second", "again"], Errors());
    }

    private HistoryRecord NotRedriven(string id, int redriven) => _records.Cancelled(id, redriven: redriven) with { Reason = IDeadLetters.NotRedriven };

    private void Take(params HistoryRecord[] records) => _projection.Apply(records);

    private List<LetterEntry> Letters() => Records.LettersOf(_projection);

    private IEnumerable<string?> Errors() => Letters().Select(letter => letter.Error?.Text);
}
