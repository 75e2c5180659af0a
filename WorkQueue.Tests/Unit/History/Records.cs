using System.Text;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Store;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.History;

/// <summary>Makes the records of tasks, as the history has them.</summary>
internal sealed class Records(FakeClock clock)
{
    private long _offset = 99;

    public static TaskProjection NewProjection(FakeClock clock, int maxTasks = 1_000_000, string path = TaskDatabase.Memory) =>
        new(TaskDatabase.Open(path, reason => throw new InvalidOperationException(reason)), maxTasks, clock);

    public static List<LetterEntry> LettersOf(TaskProjection projection) => projection.Read(connection =>
        LetterQueries.List(connection, new DeadLetterFilter { Limit = int.MaxValue }, LetterQueries.ByQueue(connection).Keys));

    public HistoryRecord Queued(string id, int attempt = 1, int redriven = 0, int returned = 0) =>
        Of(id, TaskState.Queued, attempt, redriven, returned) with { Body = "{}"u8.ToArray(), ContentType = "application/json" };

    public HistoryRecord Scheduled(string id, TimeSpan delay) => Of(id, TaskState.Scheduled) with { DueAt = clock.Now + delay };

    public HistoryRecord Running(string id, int attempt = 1, int redriven = 0, int returned = 0, string worker = "worker-1") =>
        Of(id, TaskState.Running, attempt, redriven, returned) with { Worker = worker, StartedAt = clock.Now };

    public HistoryRecord Retrying(string id, int next, TimeSpan delay, string error = "boom", int redriven = 0) =>
        Of(id, TaskState.Retrying, next, redriven) with { DueAt = clock.Now + delay, Worker = "worker-1", StartedAt = clock.Now, Reason = "failed", ErrorType = "E", Error = error };

    public HistoryRecord Succeeded(string id, int attempt = 1, int redriven = 0, int returned = 0, string worker = "worker-1", string result = "1") =>
        Of(id, TaskState.Succeeded, attempt, redriven, returned) with { Worker = worker, StartedAt = clock.Now, Body = Encoding.UTF8.GetBytes(result), ContentType = "application/json" };

    public HistoryRecord Dead(string id, string error = "boom", int attempt = 1, int redriven = 0) =>
        Of(id, TaskState.DeadLettered, attempt, redriven) with { Worker = "worker-1", StartedAt = clock.Now, Reason = "no attempt left", ErrorType = "E", Error = error };

    /// <summary>By a worker that stopped it, or without one by whoever cancelled it while it waited.</summary>
    public HistoryRecord Cancelled(string id, int attempt = 1, int redriven = 0, string? worker = null) =>
        Of(id, TaskState.Cancelled, attempt, redriven) with { Worker = worker, Reason = "cancelled" };

    public HistoryRecord Dropped(string id, int attempt = 1, int redriven = 0) =>
        Of(id, TaskState.Cancelled, attempt, redriven) with { Kind = HistoryKind.Dropped, Worker = "worker-2" };

    public HistoryRecord Progress(string id, int percent, int attempt = 1, int redriven = 0) =>
        Of(id, TaskState.Running, attempt, redriven) with { Kind = HistoryKind.Progress, Worker = "worker-1", StartedAt = clock.Now, Percent = percent, Progress = $"{percent} of 100" };

    public HistoryRecord Of(string id, TaskState state, int attempt = 1, int redriven = 0, int returned = 0) => new()
    {
        Offset = ++_offset,
        TaskId = id,
        Type = "simulate",
        Queue = "default",
        State = state,
        Attempt = attempt,
        Redriven = redriven,
        Returned = returned,
        At = clock.Now,
        EnqueuedAt = clock.Now,
    };
}
