using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using RabbitMQ.Client;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Answers who called a task and waits for its end. Before the acknowledgement: a crash in between answers twice. An answer the broker does not take in two seconds is dropped, and the caller's time runs out.</summary>
internal sealed class TaskReplier(IPublisher publisher, IOptions<WorkQueueOptions> options, ILogger<TaskReplier> logger)
{
    // A task that is done is not held up for long by an answer the broker does not take.
    private static readonly TimeSpan ConfirmLimit = TimeSpan.FromSeconds(2);

    public async Task ReplyAsync(TaskMessage message, Disposition disposition)
    {
        if (string.IsNullOrEmpty(message.ReplyTo) || message.Topic is not null || AnswerOf(message, disposition) is not { } answer)
        {
            return;
        }

        if (!DirectReplyTo.IsSafe(message.ReplyTo))
        {
            logger.ReplyNotSent(message.Id, $"reply_to '{message.ReplyTo}' is no address that a broker has given out");
            return;
        }

        try
        {
            // Not mandatory: who called may be gone, which is its own affair.
            await publisher.PublishAsync(
                new OutgoingMessage("", message.ReplyTo, "replies", answer.Properties, answer.Body, Mandatory: false), ConfirmLimit, CancellationToken.None);
        }
        catch (PublishFailedException failure)
        {
            logger.ReplyNotSent(message.Id, failure.Message);
        }
    }

    private (BasicProperties Properties, byte[] Body)? AnswerOf(TaskMessage message, Disposition disposition) => disposition switch
    {
        Disposition.Ack done => ReplyCodec.Write(message, done.Result.Json, done.Result.Note, options.Value.MaxPayloadBytes),
        Disposition.DeadLetter dead => ReplyCodec.Write(message, dead.End),
        Disposition.EndCancelled cancel => ReplyCodec.Write(message, cancel.End),
        Disposition.Drop => ReplyCodec.Write(message, new AttemptEnd("cancelled before it ran", null, null, default)),
        _ => null,
    };
}
