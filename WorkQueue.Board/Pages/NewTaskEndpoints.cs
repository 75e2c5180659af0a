using Microsoft.Extensions.Options;
using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages;

/// <summary>The form of a new task.</summary>
internal static class NewTaskEndpoints
{
    public static void MapNewTask(this IEndpointRouteBuilder board)
    {
        board.MapGet(BoardUrl.New, (HttpContext context, IOptions<WorkQueueOptions> options) =>
        {
            IQueryCollection query = context.Request.Query;
            NewTaskForm form = NewTaskForm.Read(name => query[name]);
            return Show(context, options, query.Count == 0 ? form with { Type = options.Value.Queues.GetValueOrDefault(WorkQueueOptions.DefaultQueue)?.DefaultType ?? "", Payload = """{"text":"Hello..."}""" } : form);
        });
        board.MapPost(BoardUrl.New, SendAsync).WithMetadata(new NeedsScope(ApiScope.Send));
    }

    private static async Task<IResult> SendAsync(
        HttpContext context, ITaskQueue queue, TimeProvider clock, IOptions<WorkQueueOptions> options, CancellationToken cancellationToken)
    {
        IFormCollection values = await context.Request.ReadFormAsync(cancellationToken);
        NewTaskForm form = NewTaskForm.Read(name => values[name]);
        if (form.ToTask(clock.GetUtcNow(), out NewTaskForm wrong) is not { } task)
        {
            return Show(context, options, wrong, StatusCodes.Status400BadRequest);
        }

        try
        {
            EnqueuedTask enqueued = await queue.EnqueueAsync(task, cancellationToken);
            return new Flash(IsError: false, $"The broker has confirmed the task; it is {Words.State(enqueued.State)}.").Then(context, BoardUrl.Task(enqueued.Id));
        }
        catch (InvalidTaskException refused)
        {
            return Show(context, options, form.With(refused), ErrorAnswers.StatusOf(refused));
        }
        catch (Exception failure) when (failure is TaskNotEnqueuedException or BrokerUnavailableException)
        {
            NewTaskForm again = form with { Errors = new Dictionary<string, string>(StringComparer.Ordinal) { [""] = failure.Message } };
            return Show(context, options, again, ErrorAnswers.StatusOf(failure));
        }
    }

    private static IResult Show(HttpContext context, IOptions<WorkQueueOptions> options, NewTaskForm form, int status = StatusCodes.Status200OK) =>
        Screen.Show<NewTaskScreen, NewTaskModel>(
            context,
            new NewTaskModel(
                form,
                [.. options.Value.Types.Keys.Order(StringComparer.Ordinal)],
                [.. options.Value.Queues.Keys.Append(WorkQueueOptions.DefaultQueue).Distinct(StringComparer.Ordinal).Order(StringComparer.Ordinal)]),
            status);
}
