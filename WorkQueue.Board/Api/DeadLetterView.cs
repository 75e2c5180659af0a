using System.Text;
using System.Text.Json;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>A dead letter as the API shows it.</summary>
internal sealed record DeadLetterView(
    string Id, string Type, string Queue, string Reason, string? ErrorType, string? Error, int Attempt, int Redriven,
    DateTimeOffset? EnqueuedAt, DateTimeOffset? DeadAt, string? ContentType, JsonElement? Payload, string? Text, string? PayloadNote)
{
    /// <summary>Payloads of more are left out of lists: a page of them would be a page of megabytes.</summary>
    public const int MaxPayloadBytes = 16 * 1024;

    /// <summary>Of a letter whose record the history has no longer.</summary>
    public const string Gone = "The payload is no longer in the history; a redrive takes it from the queue.";

    public static DeadLetterView Of(DeadLetter letter)
    {
        bool isLeftOut = letter.PayloadBytes > letter.Payload.Length;
        bool isGone = letter.PayloadBytes < 0;
        JsonElement? payload = isLeftOut || isGone ? null : PayloadText.JsonOf(letter.ContentType, letter.Payload);
        return new DeadLetterView(
            letter.Id, letter.Type, letter.Queue, letter.Reason, letter.ErrorType, letter.Error, letter.Attempt, letter.Redriven,
            letter.EnqueuedAt, letter.DeadAt, letter.ContentType, payload, payload is null && !isLeftOut && !isGone ? Encoding.UTF8.GetString(letter.Payload.Span) : null,
            isGone ? Gone : isLeftOut ? $"The payload has {letter.PayloadBytes} bytes, more than a list shows: GET /dead-letters?id={Uri.EscapeDataString(letter.Id)} has it whole." : null);
    }
}
