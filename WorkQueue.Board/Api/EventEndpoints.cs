using System.Globalization;
using System.Text.Json;
using WorkQueue.Board.Calls;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The calls <c>GET /events</c> and <c>POST /events</c>.</summary>
internal static class EventEndpoints
{
    private const string LastEventId = "Last-Event-ID";

    public static void MapEvents(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder events = app.MapGroup("").WithTags("Events");
        events.MapGet("/events", StreamAsync)
            .Produces<EventItem>(StatusCodes.Status200OK, EventWriter.ContentType)
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict)
            .WithName("WorkQueueWatchEvents")
            .WithSummary("What happens to tasks (task.<queue>.<type>.<state>) and what was published, as server-sent events; topic is a pattern, several are allowed. Last-Event-ID goes on after that event of a task; published events are shown as they come and not kept.");
        events.MapPost("/events", PublishAsync)
            .WithMetadata(new NeedsScope(ApiScope.Send))
            .Accepts<EventRequest>(System.Net.Mime.MediaTypeNames.Application.Json)
            .Produces<EventPublished>(StatusCodes.Status202Accepted)
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status413PayloadTooLarge).ProducesProblem(StatusCodes.Status415UnsupportedMediaType)
            .ProducesProblem(StatusCodes.Status503ServiceUnavailable).ProducesProblem(StatusCodes.Status504GatewayTimeout)
            .WithName("WorkQueuePublishEvent")
            .WithSummary("Publishes an event to all whose pattern fits its topic; answered when the broker has confirmed it.");
    }

    private static async Task<IResult> PublishAsync(HttpContext context, ITaskEvents events)
    {
        EventRequest request = await TaskRequestReader.ReadStrictAsync<EventRequest>(context.Request, context.RequestAborted);
        JsonElement payload = JsonSerializer.Deserialize<JsonElement>(TaskRequestReader.BytesOf(request.Payload));
        string id = await events.PublishAsync(request.Topic, payload, context.RequestAborted);
        return Results.Accepted(value: new EventPublished(id, request.Topic));
    }

    private static async Task StreamAsync(HttpContext context, string[]? topic, EventFeed feed, TaskLookup lookup, IHostApplicationLifetime lifetime, TimeProvider clock)
    {
        IReadOnlyList<TopicPattern> patterns = QueryValues.Patterns(topic ?? []);
        long? after = AfterOf(context.Request);
        if (patterns.Any(pattern => pattern.FirstWord is "task" or "*" or "#"))
        {
            lookup.RequireHistory();
        }

        context.Response.Headers[TaskLookup.Header] = lookup.State;
        // A client that listens must not hold up a program that stops, nor listen on with a key that is none any more.
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(
            context.RequestAborted, lifetime.ApplicationStopping, context.RequestServices.GetRequiredService<ApiKeys>().Changed);
        await EventWriter.WriteAsync(context, feed.ReadAsync(patterns, after, end.Token), clock, end.Token);
    }

    private static long? AfterOf(HttpRequest request)
    {
        string given = request.Headers[LastEventId].ToString();
        return given.Length == 0 ? null
            : long.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out long offset) && offset < long.MaxValue ? offset
            : throw new BadHttpRequestException($"{LastEventId} is '{given}'; send the id of an earlier event.");
    }
}

/// <summary>An event to publish.</summary>
/// <param name="Topic">Words between dots, <c>orders.eu.created</c>.</param>
/// <param name="Payload">Any JSON.</param>
internal sealed record EventRequest(string Topic, JsonElement Payload);

/// <summary>An event the broker has confirmed.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Topic">Its topic.</param>
internal sealed record EventPublished(string Id, string Topic);
