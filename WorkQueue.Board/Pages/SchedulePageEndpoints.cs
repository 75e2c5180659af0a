using WorkQueue.Board.Api;
using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages;

/// <summary>The schedules.</summary>
internal static class SchedulePageEndpoints
{
    public static void MapScheduleList(this IEndpointRouteBuilder board)
    {
        board.MapGet(BoardUrl.Schedules, ShowAsync);
        board.MapPost($"{BoardUrl.Schedules}/pause", (HttpContext context, ISchedules schedules) => SetAsync(context, schedules.PauseAsync, "is paused: it enqueues nothing until it is resumed"));
        board.MapPost($"{BoardUrl.Schedules}/resume", (HttpContext context, ISchedules schedules) => SetAsync(context, schedules.ResumeAsync, "goes on"));
        board.MapPost($"{BoardUrl.Schedules}/run", (HttpContext context, ISchedules schedules) =>
            SetAsync(context, async (name, cancellationToken) => await schedules.RunAsync(name, cancellationToken) is not null, "was run: its task is enqueued"));
    }

    private static async Task<IResult> ShowAsync(HttpContext context, ScheduleViews views, CancellationToken cancellationToken)
    {
        try
        {
            return Screen.Show<SchedulesScreen, SchedulesModel>(context, new SchedulesModel(await views.ListAsync(cancellationToken), null));
        }
        catch (BrokerUnavailableException away)
        {
            return Screen.Show<SchedulesScreen, SchedulesModel>(context, new SchedulesModel([], away.Message));
        }
    }

    private static async Task<IResult> SetAsync(HttpContext context, Func<string, CancellationToken, Task<bool>> set, string done)
    {
        string name = (await context.Request.ReadFormAsync(context.RequestAborted))["schedule"].ToString();
        try
        {
            return await set(name, context.RequestAborted)
                ? new Flash(IsError: false, $"Schedule {name} {done}.").Then(context, BoardUrl.Schedules)
                : new Flash(IsError: true, ScheduleViews.Unknown(name).Message).Then(context, BoardUrl.Schedules);
        }
        catch (Exception failure) when (ErrorAnswers.IsExpected(failure))
        {
            return new Flash(IsError: true, failure.Message).Then(context, BoardUrl.Schedules);
        }
    }
}
