using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages;

/// <summary>The page of one task, and what can be done with it.</summary>
internal static class TaskPageEndpoints
{
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    public static void MapTask(this IEndpointRouteBuilder board)
    {
        board.MapGet($"{BoardUrl.Tasks}/by-id", (HttpContext context, string? id) => ShowAsync(context, id ?? "", null, null));
        board.MapGet(BoardUrl.Tasks + "/{id}", (HttpContext context, string id) => ShowAsync(context, id, null, null));
        board.MapPost("task/cancel", CancelAsync);
        board.MapPost("task/run-again", RunAgainAsync);
        board.MapPost("task/run-edited", RunEditedAsync);
    }

    private static async Task<IResult> ShowAsync(HttpContext context, string id, string? edited, string? editError)
    {
        IServiceProvider services = context.RequestServices;
        TaskDetail detail = await services.GetRequiredService<TaskReader>().ReadAsync(id, context.RequestAborted)
            ?? throw services.GetRequiredService<TaskLookup>().Unknown(id);
        DateTimeOffset now = services.GetRequiredService<TimeProvider>().GetUtcNow();
        TaskView task = detail.Task;
        ReadOnlyMemory<byte> payload = detail.Payload ?? default;
        Uri? dashboard = services.GetRequiredService<IOptions<TaskBoardOptions>>().Value.DashboardUrl;
        return Screen.Show<TaskScreen, TaskModel>(context, new TaskModel(
            detail,
            ChainWindow.Of(detail.Chain),
            Timeline.Of(detail.History, detail.Attempts, now),
            detail.Payload is null ? null : Pretty(detail.ContentType, payload),
            detail.Result is { } result ? Pretty("application/json", result) : null,
            detail.Payload is null || BoardUrl.Api(context) is not { } api ? null
                : CurlCommand.Of(api, task.Type, task.Queue, detail.ContentType, payload.Span, services.GetRequiredService<ApiKeys>().Required,
                    // From its first task on it is a chain of its own; the others need the results before them, which a call does not take.
                    detail.Chain is { IsWhole: true, Place.Place: 0 } chain ? chain.Then : null),
            detail.TraceId is null || dashboard is null ? null : $"{dashboard.ToString().TrimEnd('/')}/traces/detail/{Uri.EscapeDataString(detail.TraceId)}",
            services.GetRequiredService<ResultFiles>().Of(detail),
            edited,
            editError), editError is null ? StatusCodes.Status200OK : StatusCodes.Status400BadRequest);
    }

    private static async Task<IResult> CancelAsync(HttpContext context, TaskActions actions, CancellationToken cancellationToken)
    {
        string id = await IdOfAsync(context.Request, cancellationToken);
        return await TryAsync(context, id, async () =>
        {
            TaskView task = await actions.CancelAsync(id, cancellationToken);
            return (task.State == TaskState.Cancelled ? "Cancelled." : "The worker is told to stop.", id);
        });
    }

    private static async Task<IResult> RunAgainAsync(HttpContext context, TaskActions actions, CancellationToken cancellationToken)
    {
        string id = await IdOfAsync(context.Request, cancellationToken);
        return await TryAsync(context, id, async () => ("Runs again as this task.", (await actions.RunAgainAsync(id, null, cancellationToken)).Id));
    }

    private static async Task<IResult> RunEditedAsync(HttpContext context, TaskActions actions, TaskReader reader, TaskLookup lookup, CancellationToken cancellationToken)
    {
        string id = await IdOfAsync(context.Request, cancellationToken);
        string text = NewTaskForm.TextOf((await context.Request.ReadFormAsync(cancellationToken))["payload"]);
        TaskDetail detail = await reader.ReadAsync(id, cancellationToken) ?? throw lookup.Unknown(id);
        // An edited text is handed on as a JSON string, an edited JSON as it is.
        ReadOnlyMemory<byte> payload = detail.ContentType == "text/plain" ? JsonSerializer.SerializeToUtf8Bytes(text) : Encoding.UTF8.GetBytes(text);
        if (NewTaskForm.JsonErrorOf(payload.Span) is { } invalid)
        {
            return await ShowAsync(context, id, text, invalid);
        }

        try
        {
            EnqueuedTask enqueued = await actions.RunAgainAsync(id, payload, cancellationToken);
            return new Flash(IsError: false, "Runs again as this task, edited.").Then(context, BoardUrl.Task(enqueued.Id));
        }
        catch (Exception refused) when (refused is InvalidTaskException or BadHttpRequestException { StatusCode: StatusCodes.Status400BadRequest })
        {
            return await ShowAsync(context, id, text, refused.Message);
        }
        catch (Exception failure) when (ErrorAnswers.IsExpected(failure))
        {
            return new Flash(IsError: true, failure.Message).Then(context, BoardUrl.Task(id));
        }
    }

    private static async Task<IResult> TryAsync(HttpContext context, string id, Func<Task<(string Text, string Id)>> act)
    {
        try
        {
            (string text, string next) = await act();
            return new Flash(IsError: false, text).Then(context, BoardUrl.Task(next));
        }
        catch (Exception failure) when (ErrorAnswers.IsExpected(failure) && failure is not BadHttpRequestException { StatusCode: StatusCodes.Status404NotFound })
        {
            return new Flash(IsError: true, failure.Message).Then(context, BoardUrl.Task(id));
        }
    }

    private static async Task<string> IdOfAsync(HttpRequest request, CancellationToken cancellationToken) =>
        (await request.ReadFormAsync(cancellationToken))["id"] is [{ Length: > 0 } id] ? id : throw new BadHttpRequestException("The form names no task.");

    private static string Pretty(string? contentType, ReadOnlyMemory<byte> bytes) =>
        PayloadText.JsonOf(contentType, bytes) is { } json ? JsonSerializer.Serialize(json, Indented) : PayloadText.TextOf(bytes);
}
