namespace WorkQueue.Messaging.Publishing;

/// <summary>A message was not confirmed; the outcome tells what is known.</summary>
internal sealed class PublishFailedException(PublishOutcome outcome, string message, Exception? innerException = null)
    : Exception(message, innerException)
{
    public PublishOutcome Outcome { get; } = outcome;
}
