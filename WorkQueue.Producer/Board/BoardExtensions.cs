using Microsoft.AspNetCore.Antiforgery;

namespace WorkQueue.Producer.Board;

/// <summary>Adds the task board: the pages at <c>/</c> and below <c>/board</c>.</summary>
internal static class BoardExtensions
{
    public static void AddBoard(this IHostApplicationBuilder builder)
    {
        IServiceCollection services = builder.Services;
        services.AddRazorComponents();
        services.AddAntiforgery(options =>
        {
            options.Cookie.Name = "wq-form";
            options.Cookie.SameSite = SameSiteMode.Strict;
            options.Cookie.SecurePolicy = CookieSecurePolicy.SameAsRequest;
            options.SuppressXFrameOptionsHeader = true;
        });
        services.AddSingleton<BoardWork>();
        services.AddSingleton<QueueSamples>();
        services.AddHostedService(provider => provider.GetRequiredService<QueueSamples>());
    }

    public static void MapBoard(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder board = app.MapGroup("").ExcludeFromDescription().DisableHttpMetrics();
        board.AddEndpointFilterFactory((_, next) =>
        {
            BoardFilter? filter = null;
            return context => (filter ??= new BoardFilter(context.HttpContext.RequestServices.GetRequiredService<IAntiforgery>())).InvokeAsync(context, next);
        });
        board.MapAssets();
        board.MapSession();
        board.MapLive();
        board.MapHome();
        board.MapTaskList();
        board.MapTask();
        board.MapQueueList();
        board.MapLetters();
        board.MapWorkerList();
        board.MapNewTask();
        board.MapGet("/board/{**rest}", (string? rest) => NoPage(rest));
    }

    private static IResult NoPage(string? path) =>
        throw new BadHttpRequestException($"There is no page '/board/{path}'.", StatusCodes.Status404NotFound);
}
