using System.Globalization;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>From a task's records to its attempts and its timeline; pure.</summary>
internal static class TaskStory
{
    /// <summary>Its attempts, in order.</summary>
    public static IReadOnlyList<AttemptView> AttemptsOf(IEnumerable<HistoryRecord> records)
    {
        List<AttemptView> attempts = [];
        foreach (HistoryRecord record in records)
        {
            switch (record)
            {
                case { Kind: not HistoryKind.State }:
                    break;
                case { State: TaskState.Running }:
                    Begin(attempts, record);
                    break;
                case { State: TaskState.Retrying }:
                    End(attempts, record, record.Attempt - 1, "retrying");
                    break;
                case { State: TaskState.Queued, Worker: not null }:
                    End(attempts, record, record.Attempt, "interrupted");
                    break;
                case { State: TaskState.Succeeded or TaskState.DeadLettered }:
                case { State: TaskState.Cancelled, Worker: not null }:
                    End(attempts, record, record.Attempt, record.State.ToText());
                    break;
            }
        }

        return [.. attempts.OrderBy(attempt => attempt.Redriven).ThenBy(attempt => attempt.Attempt).ThenBy(attempt => attempt.StartedAt)];
    }

    /// <summary>What happened, in order.</summary>
    public static IReadOnlyList<StepView> StepsOf(IEnumerable<HistoryRecord> records) =>
        [.. records.Select(record => new StepView(record.At, record.State, record.Attempt, record.Worker, NoteOf(record)))];

    private static void Begin(List<AttemptView> attempts, HistoryRecord record)
    {
        int open = attempts.FindIndex(attempt => IsOf(attempt, record, record.Attempt) && attempt.EndedAt is null);
        if (attempts.Exists(attempt => IsRun(attempt, record, record.Attempt)))
        {
            // Recorded twice, or its end came first.
            return;
        }

        if (open >= 0)
        {
            // Handed to another worker without a word: the first one died.
            attempts[open] = attempts[open] with { EndedAt = record.At, Outcome = "interrupted", Error = "its worker died or lost the broker" };
        }

        attempts.Add(new AttemptView(record.Attempt, record.Redriven, record.Worker, record.StartedAt ?? record.At, null, null, null, null));
    }

    private static void End(List<AttemptView> attempts, HistoryRecord record, int number, string outcome)
    {
        int run = attempts.FindIndex(attempt => IsRun(attempt, record, number));
        run = run >= 0 ? run : attempts.FindLastIndex(attempt => IsOf(attempt, record, number) && attempt.EndedAt is null);
        bool neverRan = run < 0 && record.StartedAt is null && record.Worker is null && record.State != TaskState.Succeeded;
        if (neverRan || number < 1)
        {
            return;
        }

        AttemptView ended = run >= 0 ? attempts[run] : new AttemptView(number, record.Redriven, record.Worker, record.StartedAt, null, null, null, null);
        ended = ended with { EndedAt = record.At, Outcome = outcome, ErrorType = record.ErrorType, Error = record.Error ?? (record.State == TaskState.Succeeded ? null : record.Reason) };
        if (run >= 0)
        {
            attempts[run] = ended;
        }
        else
        {
            attempts.Add(ended);
        }
    }

    private static bool IsOf(AttemptView attempt, HistoryRecord record, int number) => attempt.Redriven == record.Redriven && attempt.Attempt == number;

    private static bool IsRun(AttemptView attempt, HistoryRecord record, int number) =>
        IsOf(attempt, record, number) && record.StartedAt is { } started && attempt.StartedAt == started && attempt.Worker == record.Worker;

    private static string? NoteOf(HistoryRecord record)
    {
        string? error = record.Error ?? record.ErrorType;
        string? why = record.Reason is null || error is null || record.Reason == error ? record.Reason ?? error : $"{record.Reason}: {error}";
        string? due = record.DueAt is { } time ? string.Create(CultureInfo.InvariantCulture, $"due {time.UtcDateTime:yyyy-MM-dd HH:mm:ss} UTC") : null;
        string? dropped = record.Kind != HistoryKind.Dropped ? null : record.Worker is null ? "it is not on the broker" : "a worker got the cancelled task and dropped it";
        string[] parts = [.. new[] { why, due, dropped }.OfType<string>()];
        return parts.Length == 0 ? null : string.Join("; ", parts.Select(part => part.TrimEnd('.')));
    }
}
