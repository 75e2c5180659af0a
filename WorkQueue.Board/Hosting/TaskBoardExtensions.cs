using System.Diagnostics.CodeAnalysis;
using WorkQueue.Board.Api;
using WorkQueue.Board.Calls;
using WorkQueue.Board.Pages;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board;

/// <summary>
/// Puts the HTTP API and the task board into an ASP.NET Core application that has called <c>AddTaskQueue()</c>. Neither touches what else the application
/// serves: errors, body limits and keys are theirs alone.
/// </summary>
/// <remarks>
/// Who may call: where the application asks for something itself (<c>MapTaskApi().RequireAuthorization("ops")</c>), that decides. Otherwise, outside
/// Development, a key of <c>WorkQueue:ApiKeys</c> is asked for, and the application does not start where there is none.
/// </remarks>
public static class TaskBoardExtensions
{
    /// <summary>Where the board is mapped unless said otherwise.</summary>
    public const string DefaultPath = "/board";

    /// <summary>Adds what the API and the board are made of, and the reader of the history. Settings: <see cref="TaskBoardOptions"/>.</summary>
    /// <param name="services">The services.</param>
    /// <param name="configure">Changes the settings, after the configuration's section <c>WorkQueue:Board</c>.</param>
    public static IServiceCollection AddTaskBoard(this IServiceCollection services, Action<TaskBoardOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        if (!services.Any(service => service.ServiceType == typeof(Mounts)))
        {
            services.AddTaskProjection();
            services.AddEmittedEvents();
            services.AddTaskApi();
            services.AddBoard();
            services.AddTaskSchedules();
        }

        return configure is null ? services : services.PostConfigure(configure);
    }

    /// <inheritdoc cref="AddTaskBoard(IServiceCollection, Action{TaskBoardOptions}?)"/>
    /// <param name="builder">The host builder.</param>
    /// <param name="configure">Changes the settings, after the configuration's section <c>WorkQueue:Board</c>.</param>
    public static IHostApplicationBuilder AddTaskBoard(this IHostApplicationBuilder builder, Action<TaskBoardOptions>? configure = null)
    {
        ArgumentNullException.ThrowIfNull(builder);
        builder.Services.AddTaskBoard(configure);
        return builder;
    }

    /// <summary>
    /// Maps the HTTP API: <c>/tasks</c>, <c>/queues</c>, <c>/batches</c>, <c>/schedules</c>, <c>/dead-letters</c>, <c>/events</c>, <c>/workers</c>,
    /// <c>/stats</c> and <c>/scaling</c> below a path. They are in the application's OpenAPI document, where it has one.
    /// </summary>
    /// <param name="endpoints">The application, or a group of it.</param>
    /// <param name="path">The path; empty for the root.</param>
    /// <returns>All the calls, to ask for authorization or whatever else of.</returns>
    public static IEndpointConventionBuilder MapTaskApi(this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string path = "")
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        Mount mount = new(ApiExtensions.ShortestCall);
        Mounts mounts = endpoints.ServiceProvider.GetRequiredService<Mounts>();
        mounts.Api = mounts.Api is null ? mount : throw new InvalidOperationException("MapTaskApi() was called twice; the API is at one path. Leave one of them out.");
        RouteGroupBuilder api = endpoints.MapGroup(path);
        api.AddEndpointFilter(ApiExtensions.WriteAsync);
        api.MapCalls();
        CallPipeline.Surround(api, endpoints, mount, isPage: false);
        return api;
    }

    /// <summary>Maps the task board: its home is at the path, everything else below it. It works under any path base, and needs no static files.</summary>
    /// <param name="endpoints">The application, or a group of it.</param>
    /// <param name="path">The path: not the root, where the board would answer for every page that the application has not, and not one of the calls.</param>
    /// <returns>All the pages, to ask for authorization or whatever else of.</returns>
    public static IEndpointConventionBuilder MapTaskBoard(this IEndpointRouteBuilder endpoints, [StringSyntax("Route")] string path = DefaultPath)
    {
        ArgumentNullException.ThrowIfNull(endpoints);
        Mount mount = new(0);
        endpoints.ServiceProvider.GetRequiredService<Mounts>().Boards.Add(mount);
        RouteGroupBuilder board = endpoints.MapGroup(path);
        board.MapBoard();
        CallPipeline.Surround(board, endpoints, mount, isPage: true);
        return board;
    }

    /// <summary>Asks for the same as the API does where the application asks for nothing itself: outside Development, a key of <c>WorkQueue:ApiKeys</c>.</summary>
    /// <param name="endpoints">What is to be protected, such as <c>app.MapOpenApi()</c>.</param>
    public static TBuilder RequireTaskApiKey<TBuilder>(this TBuilder endpoints)
        where TBuilder : IEndpointConventionBuilder
    {
        endpoints.Finally(endpoint => KeyGuard.Protect(endpoint, isPage: false));
        return endpoints;
    }
}
