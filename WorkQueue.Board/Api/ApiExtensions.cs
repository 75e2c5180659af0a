using WorkQueue.Board.Calls;

namespace WorkQueue.Board.Api;

/// <summary>The calls of the HTTP API, and what answers them.</summary>
internal static class ApiExtensions
{
    /// <summary>Segments of the shortest path of a call: <c>/tasks</c>.</summary>
    public const int ShortestCall = 1;

    public static void AddTaskApi(this IServiceCollection services)
    {
        services.AddProblemDetails();
        services.AddOptions<ProblemDetailsOptions>().PostConfigure<Mounts>((options, mounts) => options.CustomizeProblemDetails += context => Explain(context, mounts));
        services.AddRequestDecompression();
        services.AddSingleton<Mounts>();
        services.AddSingleton<ErrorAnswers>();
        services.AddSingleton(provider => ApiKeys.Read(provider.GetRequiredService<IConfiguration>(), provider.GetRequiredService<IHostEnvironment>()));
        services.AddHostedService<KeyCheck>();
        services.AddSingleton<QueueViews>();
        services.AddSingleton<StatsReader>();
    }

    public static void MapCalls(this IEndpointRouteBuilder api)
    {
        api.MapTasks();
        api.MapBatch();
        api.MapTaskQueries();
        api.MapTaskActions();
        api.MapQueues();
        api.MapDeadLetters();
        api.MapWorkers();
        api.MapStats();
        api.MapEvents();
    }

    // Routing refuses a content type before any code of ours sees the request, and says nothing of what would be right.
    private static void Explain(ProblemDetailsContext context, Mounts mounts)
    {
        if (context.ProblemDetails is { Status: StatusCodes.Status415UnsupportedMediaType, Detail: null } && mounts.Api?.Has(context.HttpContext.Request.Path) == true)
        {
            context.ProblemDetails.Detail = TaskRequestReader.UnsupportedContentType(context.HttpContext.Request);
        }
    }
}
