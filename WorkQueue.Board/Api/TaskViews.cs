using System.Text.Json;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;

namespace WorkQueue.Board.Api;

/// <summary>A task in a list.</summary>
internal sealed record TaskItem(
    string Id, string Type, string Queue, string State, int Attempt, int Redriven, DateTimeOffset? EnqueuedAt, DateTimeOffset? ChangedAt,
    DateTimeOffset? DueAt, string? Worker, string? Error, int? Percent)
{
    public static TaskItem Of(TaskView task) => new(
        task.Id, task.Type, task.Queue, task.State.ToText(), task.Attempt, task.Redriven, task.EnqueuedAt, task.ChangedAt,
        task.DueAt, task.Worker, task.Error ?? task.Reason, task.Percent);
}

/// <summary>A task with its history.</summary>
internal sealed record TaskAnswer(
    string Id, string Type, string Queue, string State, int Attempt, int Redriven, int Duplicates, DateTimeOffset? EnqueuedAt, DateTimeOffset? ChangedAt,
    DateTimeOffset? DueAt, DateTimeOffset? Deadline, string? Worker, string? Reason, string? ErrorType, string? Error, int? Percent, string? Progress,
    string? TraceId, string? RunOf, string? ContentType, JsonElement? Payload, string? Text, string? PayloadNote, JsonElement? Result, string? ResultNote,
    IReadOnlyList<AttemptItem> Attempts, IReadOnlyList<StepItem> History, ChainItem? Chain, BatchItem? Batch)
{
    /// <summary>What it is for, by which its lane is chosen.</summary>
    public string? Key { get; init; }

    /// <summary><c>high</c>, <c>normal</c> or <c>low</c>.</summary>
    public string Priority { get; init; } = "normal";

    public static TaskAnswer Of(TaskDetail detail)
    {
        TaskView task = detail.Task;
        JsonElement? payload = detail.Payload is { } bytes ? PayloadText.JsonOf(detail.ContentType, bytes) : null;
        return new TaskAnswer(
            task.Id, task.Type, task.Queue, task.State.ToText(), task.Attempt, task.Redriven, task.Duplicates, task.EnqueuedAt, task.ChangedAt,
            task.DueAt, detail.Deadline, task.Worker, task.Reason, task.ErrorType, task.Error, task.Percent, task.Progress,
            detail.TraceId, detail.RunOf, detail.ContentType, payload, payload is null && detail.Payload is { } text ? PayloadText.TextOf(text) : null, detail.PayloadNote,
            PayloadText.JsonOf(detail.Result), detail.ResultNote,
            [.. detail.Attempts.Select(run => new AttemptItem(run.Attempt, run.Redriven, run.Worker, run.StartedAt, run.EndedAt, run.Outcome, run.ErrorType, run.Error))],
            [.. detail.History.Select(step => new StepItem(step.At, step.State.ToText(), step.Attempt, step.Worker, step.Note))],
            detail.Chain is { } chain ? new ChainItem(chain.Place.First, chain.Place.Place, [.. chain.Steps.Select(step => new ChainStepItem(step.Place, step.Id, step.Type, step.State?.ToText()))]) : null,
            detail.Batch is { } batch ? new BatchItem(batch.BatchId, batch.Number) : null)
        {
            Key = detail.Key,
            Priority = detail.Priority.ToText(),
        };
    }
}

/// <summary>One run of a task.</summary>
internal sealed record AttemptItem(
    int Attempt, int Redriven, string? Worker, DateTimeOffset? StartedAt, DateTimeOffset? EndedAt, string? Outcome, string? ErrorType, string? Error);

/// <summary>One thing that happened to a task.</summary>
internal sealed record StepItem(DateTimeOffset? At, string State, int Attempt, string? Worker, string? Note);

/// <summary>The batch a task is a member of.</summary>
/// <param name="Id">The batch's id.</param>
/// <param name="Number">The task's number there, from 0.</param>
internal sealed record BatchItem(string Id, int Number);

/// <summary>The chain a task is part of.</summary>
/// <param name="First">The id of its first task.</param>
/// <param name="Place">The task's place in it, from 0.</param>
/// <param name="Steps">Its tasks, in order.</param>
internal sealed record ChainItem(string First, int Place, IReadOnlyList<ChainStepItem> Steps);

/// <summary>One task of a chain.</summary>
/// <param name="Place">Its place, from 0.</param>
/// <param name="Id">Its id, also of one whose turn has not come.</param>
/// <param name="Type">Its type; null where nothing tells it any more.</param>
/// <param name="State">Its state; null where its turn has not come, or the history does not tell of it.</param>
internal sealed record ChainStepItem(int Place, string Id, string? Type, string? State);
