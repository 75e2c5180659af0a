using System.Text.Json;
using Microsoft.AspNetCore.Http.HttpResults;
using WorkQueue.Board.Calls;

namespace WorkQueue.Board.Api;

/// <summary>The calls of the HTTP API, and what answers them.</summary>
internal static class ApiExtensions
{
    /// <summary>Segments of the shortest path of a call: <c>/tasks</c>.</summary>
    public const int ShortestCall = 1;

    public static void AddTaskApi(this IServiceCollection services)
    {
        services.AddOptions<ProblemDetailsOptions>().PostConfigure<Mounts>((options, mounts) => options.CustomizeProblemDetails += context => Explain(context, mounts));
        services.AddRequestDecompression();
        services.AddSingleton<Mounts>();
        services.AddSingleton<ErrorAnswers>();
        services.AddSingleton<ApiKeys>();
        services.AddSingleton<FailedKeys>();
        services.AddSingleton<Audit>();
        services.AddHostedService<StartCheck>();
        services.AddSingleton<QueueViews>();
        services.AddSingleton<ScheduleViews>();
        services.AddSingleton<StatsReader>();
        services.AddSingleton<ScalingReader>();
    }

    public static void MapCalls(this IEndpointRouteBuilder api)
    {
        api.MapTasks();
        api.MapBatch();
        api.MapTaskBatches();
        api.MapTaskQueries();
        api.MapTaskActions();
        api.MapQueues();
        api.MapSchedules();
        api.MapDeadLetters();
        api.MapWorkers();
        api.MapScaling();
        api.MapStats();
        api.MapEvents();
    }

    /// <summary>Writes what a call answers as the contract says, whatever JSON settings the application has for its own.</summary>
    public static async ValueTask<object?> WriteAsync(EndpointFilterInvocationContext context, EndpointFilterDelegate next) => await next(context) switch
    {
        ProblemHttpResult problem => problem,
        IValueHttpResult { Value: { } value } result => Results.Json(value, JsonSerializerOptions.Web, statusCode: (result as IStatusCodeHttpResult)?.StatusCode),
        IResult result => result,
        { } value => Results.Json(value, JsonSerializerOptions.Web),
        null => null,
    };

    // Routing refuses a content type before any code of ours sees the request, and says nothing of what would be right.
    private static void Explain(ProblemDetailsContext context, Mounts mounts)
    {
        if (context.ProblemDetails is { Status: StatusCodes.Status415UnsupportedMediaType, Detail: null } && mounts.Api is { } api && context.HttpContext.Request.Path == api.Pattern + "/tasks")
        {
            context.ProblemDetails.Detail = TaskRequestReader.UnsupportedContentType(context.HttpContext.Request);
        }
    }
}
