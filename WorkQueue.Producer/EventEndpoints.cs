using System.Globalization;
using WorkQueue.Producer.History;

namespace WorkQueue.Producer;

/// <summary>The call <c>GET /events</c>.</summary>
internal static class EventEndpoints
{
    private const string LastEventId = "Last-Event-ID";

    public static void MapEvents(this IEndpointRouteBuilder app) =>
        app.MapGet("/events", StreamAsync)
            .WithTags("Events")
            .Produces<EventItem>(StatusCodes.Status200OK, EventWriter.ContentType)
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status409Conflict)
            .WithName("WatchEvents")
            .WithSummary("What happens to tasks, as server-sent events; topic is a pattern of task.<queue>.<type>.<state>, several are allowed. Last-Event-ID goes on after that event.");

    private static async Task StreamAsync(HttpContext context, string[]? topic, EventFeed feed, TaskLookup lookup, TimeProvider clock)
    {
        IReadOnlyList<TopicPattern> patterns = QueryValues.Patterns(topic ?? []);
        long? after = AfterOf(context.Request);
        lookup.RequireHistory();
        context.Response.Headers[TaskLookup.Header] = lookup.State;
        await EventWriter.WriteAsync(context, feed.ReadAsync(patterns, after, context.RequestAborted), clock);
    }

    private static long? AfterOf(HttpRequest request)
    {
        string given = request.Headers[LastEventId].ToString();
        return given.Length == 0 ? null
            : long.TryParse(given, NumberStyles.None, CultureInfo.InvariantCulture, out long offset) ? offset
            : throw new BadHttpRequestException($"{LastEventId} is '{given}'; send the id of an earlier event.");
    }
}
