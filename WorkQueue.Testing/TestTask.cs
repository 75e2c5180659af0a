using System.Text;
using System.Text.Json;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Testing;

/// <summary>A task of a <see cref="TestTaskQueue"/>. It is always as the task is at the moment: it changes while the queue runs.</summary>
public sealed class TestTask
{
    private readonly Lock _lock = new();
    private readonly List<HistoryRecord> _history = [];
    private readonly PayloadCodec _json;
    private Exception? _exception;

    internal TestTask(PayloadCodec json) => _json = json;

    /// <summary>The task's id.</summary>
    public string Id => Last.TaskId;

    /// <summary>The task's type.</summary>
    public string Type => Last.Type;

    /// <summary>The queue it is in, by its name in the settings.</summary>
    public string Queue => Last.Queue;

    /// <summary>Its state. <see cref="TaskState.Running"/> after <see cref="TestTaskQueue.RunAsync"/> means that its handler waits for the clock.</summary>
    public TaskState State => Last.State;

    /// <summary>The attempt that runs, that was the last, or, for a task that is <see cref="TaskState.Retrying"/>, that it waits for; from 1.</summary>
    public int Attempt => Last.Attempt;

    /// <summary>When it was enqueued, by the queue's clock.</summary>
    public DateTimeOffset? EnqueuedAt => Last.EnqueuedAt;

    /// <summary>When it is due, where it is <see cref="TaskState.Scheduled"/> or <see cref="TaskState.Retrying"/>; else null.</summary>
    public DateTimeOffset? NotBefore => Last.DueAt;

    /// <summary>After this moment it is not started; null for none.</summary>
    public DateTimeOffset? Deadline => Last.Deadline;

    /// <summary>Why its last attempt failed, or why it is dead or cancelled; null where nothing has failed.</summary>
    public string? Reason => LastEnd?.Reason;

    /// <summary>The type of the exception of its last failure, as a dead letter tells it; null where there was none.</summary>
    public string? ErrorType => LastEnd?.ErrorType;

    /// <summary>The text of that exception, at most 1000 characters.</summary>
    public string? Error => LastEnd?.Error;

    /// <summary>The exception of the last attempt that failed or was rejected, with its stack; null where none has.</summary>
    public Exception? Exception => Volatile.Read(ref _exception);

    /// <summary>All that its handler reported by <see cref="TaskContext.ReportProgress"/>, in all attempts.</summary>
    public IReadOnlyList<(int Percent, string? Text)> Progress =>
        [.. History.Where(record => record.Kind == HistoryKind.Progress).Select(record => (record.Percent ?? 0, record.Progress))];

    /// <summary>Everything that has happened to it, in order, as the history of a real queue would tell it.</summary>
    public IReadOnlyList<HistoryRecord> History
    {
        get
        {
            lock (_lock)
            {
                return [.. _history];
            }
        }
    }

    private HistoryRecord Last
    {
        get
        {
            lock (_lock)
            {
                HistoryRecord last = _history.Last(record => record.Kind == HistoryKind.State);
                // The first success is final: a later run of the id is a duplicate, unless it is a redrive.
                return _history.Find(record => record is { Kind: HistoryKind.State, State: TaskState.Succeeded } && record.Redriven >= last.Redriven) ?? last;
            }
        }
    }

    private HistoryRecord? LastEnd => History.LastOrDefault(record => record.Reason is not null);

    /// <summary>Reads its payload.</summary>
    /// <typeparam name="TPayload">What it is read into: JSON as of a handler, or a <see cref="string"/> of a <c>text/plain</c> task.</typeparam>
    /// <exception cref="JsonException">It is no such JSON.</exception>
    public TPayload? ReadPayload<TPayload>()
    {
        // Of one that was replaced, the newest.
        HistoryRecord sent = History.Where(record => record is { Kind: HistoryKind.State, State: TaskState.Queued or TaskState.Scheduled }).MaxBy(record => record.Redriven) ?? History[0];
        return typeof(TPayload) == typeof(string) && sent.ContentType == "text/plain"
            ? (TPayload)(object)Encoding.UTF8.GetString(sent.Body.Span)
            : _json.ReadResult<TPayload>(sent.Body.Span);
    }

    /// <summary>Reads its result, as whoever calls the task reads it.</summary>
    /// <typeparam name="TResult">What it is read into.</typeparam>
    /// <returns>The result; null where its handler returned none.</returns>
    /// <exception cref="InvalidOperationException">It has not succeeded, or its result was not kept: it is too large, or cannot be written as JSON.</exception>
    /// <exception cref="JsonException">The result is no such JSON.</exception>
    public TResult? ReadResult<TResult>()
    {
        HistoryRecord last = Last;
        if (last.State != TaskState.Succeeded)
        {
            throw new InvalidOperationException($"It has no result: {this}", Exception);
        }

        if (last.Reason is { } note)
        {
            throw new InvalidOperationException($"Its result was not kept: {note}");
        }

        return _json.ReadResult<TResult>(last.Body.IsEmpty ? "null"u8 : last.Body.Span);
    }

    /// <summary>The task in a line, for the message of a test that fails.</summary>
    public override string ToString()
    {
        HistoryRecord? end = LastEnd;
        string reason = end is null ? "" : $": {end.Reason}{(end.Error is null || end.Error == end.Reason ? "" : $" ({end.ErrorType}: {end.Error})")}";
        return $"{Type} {Id}, {State}, attempt {Attempt}{reason}";
    }

    internal void Add(HistoryRecord record)
    {
        lock (_lock)
        {
            _history.Add(record);
        }
    }

    internal void Fail(Exception exception) => Volatile.Write(ref _exception, exception);
}
