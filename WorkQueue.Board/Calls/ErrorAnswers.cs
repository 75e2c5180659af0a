using System.Diagnostics;
using System.Globalization;
using Microsoft.AspNetCore.Mvc;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Calls;

/// <summary>Turns what the queue and the request reader throw into RFC 9457 answers, and everything else into one that tells nothing but where the log has it.</summary>
internal sealed class ErrorAnswers(ILogger<ErrorAnswers> logger)
{
    // About the time a broker takes to come back.
    private const int RetryAfterSeconds = 5;

    public static bool IsExpected(Exception error) => error is InvalidTaskException or InvalidEventException or InvalidScheduleException or BatchRefusedException
        or TaskNotEnqueuedException or EventNotPublishedException or BrokerUnavailableException or BadHttpRequestException;

    public Task AnswerAsync(HttpContext context, Exception error)
    {
        ProblemDetails problem = ProblemOf(error) ?? Fault(context, error);
        if (problem.Status is StatusCodes.Status503ServiceUnavailable or StatusCodes.Status429TooManyRequests)
        {
            context.Response.Headers.RetryAfter = RetryAfterSeconds.ToString(CultureInfo.InvariantCulture);
        }

        // As JSON also to who accepts none: what is not answered here, a page for developers would answer with the stack.
        return Results.Problem(problem).ExecuteAsync(context);
    }

    /// <summary>The status of the answer to what went wrong.</summary>
    public static int StatusOf(Exception error) => ProblemOf(error)?.Status ?? StatusCodes.Status500InternalServerError;

    // A message or a stack of ours may tell what is nobody's business.
    private ProblemDetails Fault(HttpContext context, Exception exception)
    {
        string trace = Activity.Current?.TraceId.ToHexString() ?? context.TraceIdentifier;
        logger.RequestFailed(exception, context.Request.Method, context.Request.Path, trace);
        return new ProblemDetails
        {
            Status = StatusCodes.Status500InternalServerError,
            Title = "A fault of this program",
            Detail = $"This is a fault of this program, not of the request; its log has the error under the trace id {trace}. What was under way may be done: look before you repeat it.",
        };
    }

    private static ProblemDetails? ProblemOf(Exception exception) => exception switch
    {
        InvalidTaskException { Reason: InvalidTaskReason.UnknownType } unknown => Problem(StatusCodes.Status422UnprocessableEntity, "Unknown task type", unknown),
        InvalidTaskException { Reason: InvalidTaskReason.UnknownQueue } unknown => Problem(StatusCodes.Status422UnprocessableEntity, "Unknown queue", unknown),
        InvalidTaskException { Reason: InvalidTaskReason.TooLarge } large => Problem(StatusCodes.Status413PayloadTooLarge, "Payload too large", large),
        InvalidEventException { Reason: InvalidTaskReason.TooLarge } large => Problem(StatusCodes.Status413PayloadTooLarge, "Payload too large", large),
        InvalidEventException invalid => Problem(StatusCodes.Status400BadRequest, "Not an event", invalid),
        EventNotPublishedException { Outcome: PublishOutcome.Unknown } unknown => Problem(StatusCodes.Status504GatewayTimeout, "Outcome unknown", unknown),
        EventNotPublishedException unavailable => Problem(StatusCodes.Status503ServiceUnavailable, "Not published", unavailable),
        BatchRefusedException { Reason: BatchRefusal.Unknown } unknown => Problem(StatusCodes.Status404NotFound, "Unknown batch", unknown),
        BatchRefusedException { Reason: BatchRefusal.Malformed } invalid => Problem(StatusCodes.Status400BadRequest, "Not a batch", invalid),
        BatchRefusedException conflict => Problem(StatusCodes.Status409Conflict, "Not possible now", conflict),
        InvalidScheduleException invalid => Problem(StatusCodes.Status400BadRequest, "Not a schedule", invalid),
        InvalidTaskException invalid => Problem(StatusCodes.Status400BadRequest, "Not a task", invalid),
        KeyReusedException reused => WithId(Problem(reused.StatusCode, "Idempotency-Key used for another task", reused), reused.TaskId),
        BadHttpRequestException { StatusCode: StatusCodes.Status503ServiceUnavailable } early => Problem(early.StatusCode, "Not ready yet", early),
        BadHttpRequestException { StatusCode: StatusCodes.Status404NotFound } unknown => Problem(unknown.StatusCode, "Unknown task", unknown),
        BadHttpRequestException { StatusCode: StatusCodes.Status409Conflict } conflict => Problem(conflict.StatusCode, "Not possible now", conflict),
        BadHttpRequestException bad => Problem(bad.StatusCode, "Bad request", bad),
        TaskNotEnqueuedException { Outcome: PublishOutcome.Unknown } unknown => WithId(Problem(StatusCodes.Status504GatewayTimeout, "Outcome unknown", unknown), unknown.TaskId),
        TaskNotEnqueuedException { Outcome: PublishOutcome.QueueFull } full => Problem(StatusCodes.Status429TooManyRequests, "Queue full", full),
        BrokerUnavailableException away => Problem(StatusCodes.Status503ServiceUnavailable, "Broker not available", away),
        TaskNotEnqueuedException unavailable => WithId(Problem(StatusCodes.Status503ServiceUnavailable, "Not enqueued", unavailable), unavailable.TaskId),
        _ => null,
    };

    private static ProblemDetails Problem(int status, string title, Exception exception) =>
        new() { Status = status, Title = title, Detail = exception.Message };

    private static ProblemDetails WithId(ProblemDetails problem, string taskId)
    {
        problem.Extensions["taskId"] = taskId;
        return problem;
    }
}
