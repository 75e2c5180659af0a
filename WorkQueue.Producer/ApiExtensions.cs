using System.Net;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Producer;

/// <summary>What all calls of the HTTP API share: problem+json, the body limit, the key.</summary>
internal static class ApiExtensions
{
    // The envelope around a payload: type, queue, times and some white space.
    private const int EnvelopeBytes = 64 * 1024;

    public static void AddTaskApi(this WebApplicationBuilder builder)
    {
        builder.Services.AddProblemDetails(options => options.CustomizeProblemDetails = Explain);
        builder.Services.AddExceptionHandler<TaskExceptionHandler>();
        builder.Services.AddOpenApi();
        builder.Services.AddRequestDecompression();
        builder.Services.AddHttpClient<ManagementClient>(client => client.Timeout = TimeSpan.FromSeconds(2)).RemoveAllLoggers();
        builder.Services.AddSingleton<PolicyWatch>();
        builder.Services.AddHostedService(provider => provider.GetRequiredService<PolicyWatch>());
        builder.Services.AddHealthChecks().AddCheck<PolicyWatch>("policies");
        builder.Services.AddSingleton(ApiKeys.Read(builder.Configuration, builder.Environment));
        builder.Services.AddOptions<Microsoft.AspNetCore.Server.Kestrel.Core.KestrelServerOptions>().Configure<IOptions<WorkQueueOptions>>(
            (kestrel, queue) => kestrel.Limits.MaxRequestBodySize = queue.Value.MaxPayloadBytes + EnvelopeBytes);
    }

    public static void UseTaskApi(this WebApplication app)
    {
        app.UseExceptionHandler(new ExceptionHandlerOptions
        {
            // Expected answers (a bad request, a broker that is away) are no errors of this program; all others the handler logs, with their trace id.
            SuppressDiagnosticsCallback = _ => true,
            StatusCodeSelector = error => error is BadHttpRequestException bad ? bad.StatusCode : (int)HttpStatusCode.InternalServerError,
        });
        app.UseStatusCodePages();
        app.UseRequestDecompression();
        app.Use(RefuseCrossSiteAsync);
        app.Use(ApiKeys.RequireAsync);
        app.Use(RouteIds.DecodeAsync);
    }

    public static void MapTaskApi(this WebApplication app)
    {
        app.MapTasks();
        app.MapBatch();
        app.MapTaskQueries();
        app.MapTaskActions();
        app.MapQueues();
        app.MapDeadLetters();
        app.MapWorkers();
        app.MapStats();
        app.MapEvents();
    }

    // In Development no key is asked for, and any page in the developer's browser could send a plain text task.
    private static Task RefuseCrossSiteAsync(HttpContext context, RequestDelegate next) =>
        context.Request.Headers["Sec-Fetch-Site"] == "cross-site" && !HttpMethods.IsGet(context.Request.Method)
            ? Results.Problem(statusCode: StatusCodes.Status403Forbidden, title: "Cross-site request", detail: "A page of another site may not send this request.").ExecuteAsync(context)
            : next(context);

    // Routing refuses a content type before any code of ours sees the request, and says nothing of what would be right.
    private static void Explain(ProblemDetailsContext context)
    {
        if (context.ProblemDetails is { Status: StatusCodes.Status415UnsupportedMediaType, Detail: null })
        {
            context.ProblemDetails.Detail = TaskRequestReader.UnsupportedContentType(context.HttpContext.Request);
        }
    }
}
