using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Http.Metadata;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Calls;

/// <summary>
/// What goes around every call of the API and every page, and around nothing else of the application: problem details for every error, the body limit,
/// bodies decompressed, no calls from pages of other sites, a line in the log for what changes something, the key, ids as they were sent.
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
            pipeline.UseStatusCodePages(status => Results.Problem(statusCode: status.HttpContext.Response.StatusCode).ExecuteAsync(status.HttpContext));
            pipeline.UseRequestDecompression();
            pipeline.Use((context, next) => !isPage && OtherSite.Sent(context.Request) ? RefuseAsync(context) : next(context));
            pipeline.Use(Audit.LogAsync);
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
            long one = context.RequestServices.GetRequiredService<IOptions<WorkQueueOptions>>().Value.MaxPayloadBytes + EnvelopeBytes;
            size.MaxRequestBodySize = Math.Max(one, context.GetEndpoint()?.Metadata.GetMetadata<BodyLimit>()?.MaxRequestBodySize ?? 0);
        }

        try
        {
            await next(context);
        }
        catch (Exception gone) when (gone is OperationCanceledException or IOException && context.RequestAborted.IsCancellationRequested && !context.Response.HasStarted)
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

    private static Task RefuseAsync(HttpContext context) => Results.Problem(
        statusCode: StatusCodes.Status403Forbidden, title: "Cross-site request", detail: "A page of another site may not send this request.").ExecuteAsync(context);
}

/// <summary>The largest body of a call that takes larger ones than a task.</summary>
/// <param name="bytes">In bytes, also after it is decompressed.</param>
internal sealed class BodyLimit(long bytes) : IRequestSizeLimitMetadata
{
    public long? MaxRequestBodySize => bytes;
}
