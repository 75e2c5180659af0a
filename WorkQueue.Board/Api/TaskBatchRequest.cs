using System.Text.Json;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The first line of <c>POST /batches</c>, where it is no task.</summary>
/// <param name="Batch">What there is to the batch.</param>
internal sealed record TaskBatchHead(TaskBatchRequest Batch);

/// <summary>What there is to a batch besides its tasks.</summary>
/// <param name="Id">Its id, a UUID of version 7; without one a new one. That of an earlier try makes the same batch.</param>
/// <param name="Name">A name for people.</param>
/// <param name="OnSuccess">Enqueued once every task has succeeded.</param>
/// <param name="OnComplete">Enqueued when every task has ended.</param>
/// <param name="Open">True: more tasks may be added until it is closed.</param>
internal sealed record TaskBatchRequest(string? Id = null, string? Name = null, TaskRequest? OnSuccess = null, TaskRequest? OnComplete = null, bool Open = false)
{
    /// <summary>The batch that is asked for.</summary>
    /// <exception cref="BadHttpRequestException">A value is none of those that are possible.</exception>
    public BatchOptions ToOptions() => new() { Id = Id, Name = Name, OnSuccess = Follow(OnSuccess), OnComplete = Follow(OnComplete), StaysOpen = Open };

    private static NewTask? Follow(TaskRequest? task) => task is null ? null : TaskRequestReader.Of(task);
}

/// <summary>From the lines of a body to the tasks of a batch.</summary>
internal static class TaskBatchReader
{
    /// <summary>Whether a line tells of the batch, and not of a task.</summary>
    public static bool IsHead(BatchLine line)
    {
        try
        {
            Utf8JsonReader reader = new(line.Json.Span);
            return reader.Read() && reader.TokenType == JsonTokenType.StartObject && reader.Read() && reader.TokenType == JsonTokenType.PropertyName && reader.ValueTextEquals("batch"u8);
        }
        catch (JsonException)
        {
            return false;
        }
    }

    /// <summary>Reads what a line tells of the batch.</summary>
    /// <exception cref="BadHttpRequestException">It is not of this form.</exception>
    public static BatchOptions ReadHead(BatchLine line) => At(line, () => StrictJson.Parse<TaskBatchHead>(line.Json.Span).Batch.ToOptions());

    /// <summary>Reads the task of each line.</summary>
    /// <exception cref="BadHttpRequestException">One is none; it is named.</exception>
    public static IReadOnlyList<NewTask> Read(IReadOnlyList<BatchLine> lines) => [.. lines.Select(line => At(line, () => TaskRequestReader.FromJson(line.Json.Span)))];

    /// <summary>Has a refusal of one task say which line that is.</summary>
    public static async Task<T> NamedAsync<T>(IReadOnlyList<BatchLine> lines, Task<T> asked)
    {
        try
        {
            return await asked;
        }
        catch (InvalidTaskException wrong) when (wrong.Index is { } index)
        {
            throw new InvalidTaskException(wrong.Reason, $"Line {lines[index].Number}: {wrong.Message} Nothing was enqueued.");
        }
    }

    private static T At<T>(BatchLine line, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (BadHttpRequestException wrong)
        {
            throw new BadHttpRequestException($"Line {line.Number}: {wrong.Message} Nothing was enqueued.", wrong.StatusCode, wrong);
        }
    }
}
