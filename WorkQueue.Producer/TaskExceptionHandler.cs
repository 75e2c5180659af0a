using System.Globalization;
using Microsoft.AspNetCore.Diagnostics;
using Microsoft.AspNetCore.Mvc;
using WorkQueue.Messaging;

namespace WorkQueue.Producer;

/// <summary>Turns what the queue and the request reader throw into RFC 9457 answers.</summary>
internal sealed class TaskExceptionHandler(IProblemDetailsService problems) : IExceptionHandler
{
    // About the time a broker takes to come back.
    private const int RetryAfterSeconds = 5;

    public static bool IsExpected(Exception error) => error is InvalidTaskException or InvalidEventException
        or TaskNotEnqueuedException or EventNotPublishedException or BrokerUnavailableException or BadHttpRequestException;

    public async ValueTask<bool> TryHandleAsync(HttpContext httpContext, Exception exception, CancellationToken cancellationToken)
    {
        if (ProblemOf(exception) is not { } problem)
        {
            return false;
        }

        if (problem.Status is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests)
        {
            httpContext.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }

        httpContext.Response.StatusCode = problem.Status!.Value;
        return await problems.TryWriteAsync(new ProblemDetailsContext { HttpContext = httpContext, ProblemDetails = problem, Exception = exception });
    }

    /// <summary>The status of the answer to what went wrong.</summary>
    public static int StatusOf(Exception error) => ProblemOf(error)?.Status ?? StatusCodes.Status500InternalServerError;

    private static ProblemDetails? ProblemOf(Exception exception) => exception switch
    {
        InvalidTaskException { Reason: InvalidTaskReason.UnknownType } unknown => Problem(StatusCodes.Status422UnprocessableEntity, "Unknown task type", unknown),
        InvalidTaskException { Reason: InvalidTaskReason.UnknownQueue } unknown => Problem(StatusCodes.Status422UnprocessableEntity, "Unknown queue", unknown),
        InvalidTaskException { Reason: InvalidTaskReason.TooLarge } large => Problem(StatusCodes.Status413PayloadTooLarge, "Payload too large", large),
        InvalidEventException { Reason: InvalidTaskReason.TooLarge } large => Problem(StatusCodes.Status413PayloadTooLarge, "Payload too large", large),
        InvalidEventException invalid => Problem(StatusCodes.Status400BadRequest, "Not an event", invalid),
        EventNotPublishedException { Outcome: PublishOutcome.Unknown } unknown => Problem(StatusCodes.Status504GatewayTimeout, "Outcome unknown", unknown),
        EventNotPublishedException unavailable => Problem(StatusCodes.Status503ServiceUnavailable, "Not published", unavailable),
        InvalidTaskException invalid => Problem(StatusCodes.Status400BadRequest, "Not a task", invalid),
        BadHttpRequestException { StatusCode: StatusCodes.Status404NotFound } unknown => Problem(unknown.StatusCode, "Unknown task", unknown),
        BadHttpRequestException { StatusCode: StatusCodes.Status409Conflict } conflict => Problem(conflict.StatusCode, "Not possible now", conflict),
        BadHttpRequestException bad => Problem(bad.StatusCode, "Bad request", bad),
        TaskNotEnqueuedException { Outcome: PublishOutcome.Unknown } unknown => WithId(Problem(StatusCodes.Status504GatewayTimeout, "Outcome unknown", unknown), unknown),
        TaskNotEnqueuedException { Outcome: PublishOutcome.QueueFull } full => Problem(StatusCodes.Status429TooManyRequests, "Queue full", full),
        BrokerUnavailableException away => Problem(StatusCodes.Status503ServiceUnavailable, "Broker not available", away),
        TaskNotEnqueuedException unavailable => WithId(Problem(StatusCodes.Status503ServiceUnavailable, "Not enqueued", unavailable), unavailable),
        _ => null,
    };

    private static ProblemDetails Problem(int status, string title, Exception exception) =>
        new() { Status = status, Title = title, Detail = exception.Message };

    private static ProblemDetails WithId(ProblemDetails problem, TaskNotEnqueuedException exception)
    {
        problem.Extensions["taskId"] = exception.TaskId;
        return problem;
    }
}
