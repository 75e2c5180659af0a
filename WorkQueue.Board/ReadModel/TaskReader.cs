using System.Diagnostics;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>Reads a task's own history back: payload, result, attempts.</summary>
internal sealed class TaskReader(TaskProjection projection, TaskFinder finder, ITaskHistory history, IDeadLetters letters, HistorySettings settings)
{
    private const int MostLetters = 10;

    /// <summary>A task with its history; null when it is not known.</summary>
    /// <exception cref="BrokerUnavailableException">The broker is away.</exception>
    public async Task<TaskDetail?> ReadAsync(string id, CancellationToken cancellationToken)
    {
        if (await finder.FindAsync(id, cancellationToken) is not { } task)
        {
            return null;
        }

        IReadOnlyList<HistoryRecord> read = await history.ReadAsync(projection.OffsetsOf(id), cancellationToken);
        // A history that was deleted and made anew gives old offsets to other tasks.
        HistoryRecord[] records = [.. read.Where(record => record.TaskId == id).OrderBy(record => record.Offset)];
        // The record of a redrive may be without one.
        HistoryRecord? withPayload = records.LastOrDefault(record => HasPayload(record) && !record.Body.IsEmpty) ?? records.LastOrDefault(HasPayload);
        DeadLetter? letter = withPayload is null && task.State == TaskState.DeadLettered ? await LetterAsync(task, cancellationToken) : null;
        ReadOnlyMemory<byte>? payload = withPayload?.Body ?? letter?.Payload;
        HistoryRecord? success = records.FirstOrDefault(record => record is { Kind: HistoryKind.State, State: TaskState.Succeeded });
        return new TaskDetail
        {
            Task = WithWholeError(task, records),
            Deadline = records.LastOrDefault(record => record.Deadline is not null)?.Deadline,
            Key = records.LastOrDefault(record => record.Key is not null)?.Key,
            Priority = records.LastOrDefault(record => record.Priority != TaskPriority.Normal)?.Priority ?? TaskPriority.Normal,
            TraceId = TraceIdOf(records.FirstOrDefault(record => record.TraceParent is not null)?.TraceParent),
            RunOf = records.FirstOrDefault(record => record.RunOf is not null)?.RunOf,
            ContentType = withPayload?.ContentType ?? letter?.ContentType,
            Payload = payload,
            PayloadNote = payload is null ? WhyNoPayload() : null,
            Result = records.FirstOrDefault(record => record is { State: TaskState.Succeeded, Body.IsEmpty: false })?.Body,
            ResultNote = success?.Reason,
            Attempts = TaskStory.AttemptsOf(records),
            History = TaskStory.StepsOf(records),
            Chain = ChainView.Of(task, records, withPayload, letter, projection),
            Batch = records.FirstOrDefault(record => record.Batch is not null)?.Batch,
        };
    }

    // An empty text is a payload too, where payloads are kept.
    private bool HasPayload(HistoryRecord record) =>
        settings.KeepsPayloads && record is { Kind: HistoryKind.State, State: TaskState.Queued or TaskState.Scheduled or TaskState.Retrying or TaskState.DeadLettered };

    // A plain client may send several tasks of one id: of their letters the one of the run that the history tells of, else the youngest.
    private async Task<DeadLetter?> LetterAsync(TaskView task, CancellationToken cancellationToken)
    {
        try
        {
            DeadLetterFilter filter = new() { Queue = task.Queue, Ids = new HashSet<string>(StringComparer.Ordinal) { task.Id }, Limit = MostLetters };
            IReadOnlyList<DeadLetter> found = await letters.ListAsync(filter, cancellationToken);
            return found.LastOrDefault(letter => (letter.Attempt, letter.Redriven) == (task.Attempt, task.Redriven)) ?? (found is [.., DeadLetter youngest] ? youngest : null);
        }
        catch (InvalidTaskException)
        {
            // Its queue is no longer in the settings.
            return null;
        }
    }

    private string WhyNoPayload() => settings.KeepsPayloads
        ? $"The payload is no longer in the history{(projection.Progress.StartsAt is { } start ? $", which starts at {start:u}" : "")}."
        : "Payloads are not kept in the history (WorkQueue:HistoryPayloads is false).";

    // The list keeps the beginning of an error only.
    private static TaskView WithWholeError(TaskView task, HistoryRecord[] records)
    {
        HistoryRecord? last = records.LastOrDefault(record => record.Kind == HistoryKind.State && (record.Attempt, record.Redriven) == (task.Attempt, task.Redriven)
            && record.State is TaskState.Scheduled or TaskState.Retrying or TaskState.DeadLettered or TaskState.Cancelled);
        return task.State == TaskState.Unknown || (task.Reason is null && task.Error is null && task.ErrorType is null) || last is null
            ? task
            : task with { Reason = last.Reason, ErrorType = last.ErrorType, Error = last.Error };
    }

    private static string? TraceIdOf(string? traceParent) =>
        ActivityContext.TryParse(traceParent, null, out ActivityContext context) ? context.TraceId.ToHexString() : null;
}
