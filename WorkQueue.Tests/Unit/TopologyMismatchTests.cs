using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit;

public sealed class TopologyMismatchTests
{
    [Theory]
    [InlineData("PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received 'quorum' but current is 'classic'", "x-queue-type", "quorum", "classic")]
    [InlineData("PRECONDITION_FAILED - inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'quorum' of type 'longstr' but current is none", "x-queue-type", "quorum", "none")]
    [InlineData("PRECONDITION_FAILED - inequivalent arg 'durable' for queue 'q' in vhost '/': received 'false' but current is 'true'", "durable", "false", "true")]
    public void What_the_broker_says_becomes_argument_and_both_values(string brokerText, string argument, string wanted, string current)
    {
        TopologyMismatchException mismatch = TopologyMismatchException.Of("queue", "q", brokerText, new InvalidOperationException());
        Assert.Equal(("q", argument, wanted, current), (mismatch.Name, mismatch.Argument, mismatch.Wanted, mismatch.Current));
        Assert.StartsWith($"The queue 'q' has {argument} = {current}, and the settings ask for {wanted}.", mismatch.Message, StringComparison.Ordinal);
        Assert.EndsWith("rabbitmqctl delete_queue q", mismatch.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_broker_says_in_other_words_is_kept_as_it_is() =>
        Assert.Contains("PRECONDITION_FAILED - something else", TopologyMismatchException.Of("exchange", "e", "PRECONDITION_FAILED - something else", new InvalidOperationException()).Message, StringComparison.Ordinal);
}
