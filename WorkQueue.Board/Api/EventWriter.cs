using System.Text;
using System.Text.Json;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>Writes events as text/event-stream.</summary>
internal static class EventWriter
{
    public const string ContentType = "text/event-stream";

    // Proxies and browsers give up a connection on which nothing is heard, most after 30 to 60 seconds.
    private static readonly TimeSpan Heartbeat = TimeSpan.FromSeconds(15);

    public static async Task WriteAsync(HttpContext context, IAsyncEnumerable<TaskEvent> events, TimeProvider clock, CancellationToken gone)
    {
        context.Response.ContentType = ContentType;
        context.Response.Headers.CacheControl = "no-cache";
        context.Response.Headers["X-Accel-Buffering"] = "no";
        await using IAsyncEnumerator<TaskEvent> reader = events.GetAsyncEnumerator(gone);
        // Before the greeting: whoever has read it misses nothing from then on.
        Task<bool> next = reader.MoveNextAsync().AsTask();
        try
        {
            await SayAsync(context, ": connected\n\n");
            while (!gone.IsCancellationRequested)
            {
                await SilenceAsync(context, next, clock);
                if (!await next)
                {
                    return;
                }

                // What has come meanwhile goes out in one write.
                StringBuilder text = new();
                do
                {
                    text.Append(TextOf(reader.Current));
                    next = reader.MoveNextAsync().AsTask();
                }
                while (text.Length < 32 * 1024 && next.IsCompletedSuccessfully && next.Result);
                await SayAsync(context, text.ToString());
            }
        }
        catch (SubscriberTooSlowException slow)
        {
            // The client comes again by itself, with the id of the last event it has, and misses none of what has one.
            await SayAsync(context, $": {slow.Message}\n\n");
        }
        catch (OperationCanceledException) when (gone.IsCancellationRequested)
        {
        }
        finally
        {
            // An enumerator may only be disposed of when it rests.
            await ((Task)next).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <summary>One event as text.</summary>
    public static string TextOf(TaskEvent happened)
    {
        string data = happened.Record is { } record
            ? JsonSerializer.Serialize(EventItem.Of(happened.Topic, record), JsonSerializerOptions.Web)
            : JsonSerializer.Serialize(happened.Emitted, JsonSerializerOptions.Web);
        // Without an id the client goes on after the last event that had one.
        string id = happened.Offset is { } offset ? $"id: {offset}\n" : "";
        return $"{id}event: {OneLine(happened.Topic)}\ndata: {data}\n\n";
    }

    // A plain client may have put a line break into a routing key, which would begin another field.
    private static string OneLine(string topic) => topic.ReplaceLineEndings(" ");

    private static async Task SilenceAsync(HttpContext context, Task next, TimeProvider clock)
    {
        // Not round and round until the reader has noticed, too: thousands that leave at once would keep the threads that it needs for that.
        while (!next.IsCompleted && !context.RequestAborted.IsCancellationRequested)
        {
            using CancellationTokenSource heard = CancellationTokenSource.CreateLinkedTokenSource(context.RequestAborted);
            Task first = await Task.WhenAny(next, Task.Delay(Heartbeat, clock, heard.Token));
            await heard.CancelAsync();
            if (first != next && !context.RequestAborted.IsCancellationRequested)
            {
                await SayAsync(context, ": still here\n\n");
            }
        }
    }

    private static async Task SayAsync(HttpContext context, string text)
    {
        await context.Response.WriteAsync(text, context.RequestAborted);
        await context.Response.Body.FlushAsync(context.RequestAborted);
    }
}

/// <summary>What is sent of what happened to a task.</summary>
internal sealed record EventItem(
    string Topic, DateTimeOffset? At, string Id, string Type, string Queue, string State, int Attempt, string? Worker, string? Reason, string? Error, string? ErrorType,
    int? Percent, string? Progress, JsonElement? Result, DateTimeOffset? NextAt)
{
    public static EventItem Of(string topic, HistoryRecord record) => new(
        topic, record.At, record.TaskId, record.Type, record.Queue, record.State.ToText(), record.Attempt, record.Worker, record.Reason, record.Error, record.ErrorType,
        record.Percent, record.Progress, record.State == TaskState.Succeeded ? PayloadText.JsonOf(record.Body) : null, record.DueAt);
}
