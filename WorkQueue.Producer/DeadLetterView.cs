using System.Text;
using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Producer;

/// <summary>A dead letter as the API shows it.</summary>
internal sealed record DeadLetterView(
    string Id, string Type, string Queue, string Reason, string? ErrorType, string? Error, int Attempt, int Redriven,
    DateTimeOffset? EnqueuedAt, DateTimeOffset? DeadAt, string? ContentType, JsonElement? Payload, string? Text)
{
    public static DeadLetterView Of(DeadLetter letter)
    {
        JsonElement? payload = PayloadText.JsonOf(letter.ContentType, letter.Payload);
        return new DeadLetterView(
            letter.Id, letter.Type, letter.Queue, letter.Reason, letter.ErrorType, letter.Error, letter.Attempt, letter.Redriven,
            letter.EnqueuedAt, letter.DeadAt, letter.ContentType, payload, payload is null ? Encoding.UTF8.GetString(letter.Payload.Span) : null);
    }
}
