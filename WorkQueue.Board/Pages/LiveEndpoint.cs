using System.Globalization;
using System.Runtime.CompilerServices;
using Microsoft.AspNetCore.Http.HttpResults;
using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.ReadModel;

namespace WorkQueue.Board.Pages;

/// <summary>
/// Tells an open page when to fetch itself again: at most once a second however much happens, so that a browser is not sent thousands of
/// events to count them. The events themselves are at <c>/events</c>.
/// </summary>
internal static class LiveEndpoint
{
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(1);
    // Rates and ages change when nothing happens, too.
    private const int QuietTicks = 3;
    // No page shows more of a chain.
    private const int MostTasks = 20;

    public static void MapLive(this IEndpointRouteBuilder board) => board.MapGet(BoardUrl.Live, Watch);

    private static ServerSentEventsResult<string> Watch(string[] task, TaskProjection projection, TimeProvider clock, IHostApplicationLifetime lifetime, HttpContext context)
    {
        CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted, lifetime.ApplicationStopping, context.RequestServices.GetRequiredService<ApiKeys>().Changed);
        context.Response.RegisterForDispose(end);
        return TypedResults.ServerSentEvents(TicksAsync(task, projection, clock, end.Token), "changed");
    }

    private static async IAsyncEnumerable<string> TicksAsync(string[] tasks, TaskProjection projection, TimeProvider clock, [EnumeratorCancellation] CancellationToken stopping)
    {
        using PeriodicTimer timer = new(Interval, clock);
        string last = "";
        for (int quiet = 0; ; quiet++)
        {
            string state = tasks.Length == 0 ? Present(projection) : string.Join('|', tasks.Take(MostTasks).Select(task => Present(projection, task)));
            if (state != last || (tasks.Length == 0 && quiet >= QuietTicks))
            {
                (last, quiet) = (state, 0);
                yield return state;
            }

            try
            {
                await timer.WaitForNextTickAsync(stopping);
            }
            catch (OperationCanceledException)
            {
                yield break;
            }
        }
    }

    private static string Present(TaskProjection projection) =>
        string.Create(CultureInfo.InvariantCulture, $"{projection.Progress.LastOffset}");

    private static string Present(TaskProjection projection, string task) => projection.Find(task) is { } found
        ? string.Create(CultureInfo.InvariantCulture, $"{found.State} {found.Attempt} {found.Redriven} {found.Percent} {found.Progress} {projection.OffsetsOf(task).Count}")
        : "";
}
