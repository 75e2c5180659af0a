using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Calls;

/// <summary>
/// What goes around every call of the API and every page, and around nothing else of the application: problem details for every error, the body limit,
/// bodies decompressed, no calls from pages of other sites, the key, ids as they were sent.
/// </summary>
internal static class CallPipeline
{
    // The envelope around a payload: type, queue, times and some white space.
    private const int EnvelopeBytes = 64 * 1024;

    /// <summary>Puts it around all endpoints of a group, after whatever the application asks of them.</summary>
    public static void Surround(IEndpointConventionBuilder group, IEndpointRouteBuilder endpoints, Mount mount, bool isPage)
    {
        group.Finally(endpoint =>
        {
            mount.Learn((RouteEndpointBuilder)endpoint);
            KeyGuard.Protect(endpoint, isPage);
            RequestDelegate call = endpoint.RequestDelegate!;
            IApplicationBuilder pipeline = endpoints.CreateApplicationBuilder();
            pipeline.Use((context, next) => EnterAsync(context, next, mount));
            pipeline.UseStatusCodePages();
            pipeline.UseRequestDecompression();
            pipeline.Use(RefuseCrossSiteAsync);
            pipeline.Use(RouteIds.DecodeAsync);
            pipeline.Run(call);
            endpoint.RequestDelegate = pipeline.Build();
        });
    }

    private static async Task EnterAsync(HttpContext context, RequestDelegate next, Mount mount)
    {
        context.Features.Set(new MountPoint(mount.PathOf(context.Request)));
        if (context.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = context.RequestServices.GetRequiredService<IOptions<WorkQueueOptions>>().Value.MaxPayloadBytes + EnvelopeBytes;
        }

        try
        {
            await next(context);
        }
        catch (Exception) when (context.RequestAborted.IsCancellationRequested)
        {
            // Nobody waits for an answer.
            context.Response.StatusCode = StatusCodes.Status499ClientClosedRequest;
        }
        catch (Exception error) when (!context.Response.HasStarted)
        {
            context.Response.Clear();
            await context.RequestServices.GetRequiredService<ErrorAnswers>().AnswerAsync(context, error);
        }
    }

    // In Development no key is asked for, and any page in the developer's browser could send a plain text task.
    private static Task RefuseCrossSiteAsync(HttpContext context, RequestDelegate next) =>
        context.Request.Headers["Sec-Fetch-Site"] == "cross-site" && !HttpMethods.IsGet(context.Request.Method)
            ? Results.Problem(statusCode: StatusCodes.Status403Forbidden, title: "Cross-site request", detail: "A page of another site may not send this request.").ExecuteAsync(context)
            : next(context);
}
