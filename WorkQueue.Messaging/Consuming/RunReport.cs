using System.Diagnostics;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>What metrics, traces and the log are told of a run.</summary>
internal static class RunReport
{
    /// <summary>A run has ended.</summary>
    public static void Write(
        TaskPipeline pipeline, TaskQueue queue, TaskMessage message, TaskOutcome outcome, Disposition disposition, TimeSpan duration, Activity? activity)
    {
        (string? reason, Exception? error) = outcome switch
        {
            TaskOutcome.Failed failed => (failed.Reason, failed.Error),
            TaskOutcome.Rejected rejected => (rejected.Reason, rejected.Error),
            _ => ((string?)null, (Exception?)null),
        };
        string? errorType = reason is null ? null : error?.GetType().FullName ?? "rejected";
        pipeline.Telemetry.Ended(queue.Destination, message.Type, duration, errorType);
        activity?.SetTag("workqueue.task.disposition", disposition.Name);
        if (reason is not null)
        {
            activity?.SetStatus(ActivityStatusCode.Error, reason).SetTag("error.type", errorType);
        }

        if (error is not null)
        {
            Tell(pipeline.Logger, message, error);
        }
    }

    /// <summary>What a handler has thrown.</summary>
    public static void Tell(ILogger logger, TaskMessage message, Exception error)
    {
        try
        {
            logger.TaskException(error, message.Id, message.Type, message.Attempt);
        }
#pragma warning disable CA1031 // Whatever writes the log asks the exception for its text, which may throw.
        catch (Exception)
#pragma warning restore CA1031
        {
            logger.TaskExceptionUnreadable(message.Id, error.GetType().FullName);
        }
    }

    /// <summary>How long it has waited for its first run; null for a retry, which waited on purpose.</summary>
    public static TimeSpan? WaitOf(TaskMessage message, DateTimeOffset now)
    {
        if (message.Attempt > 1)
        {
            return null;
        }

        // A UUID version 7 knows its millisecond, the AMQP timestamp only its second. In a chain the ids have the time of the first.
        DateTimeOffset? due = message.UnknownSince ?? message.NotBefore ?? (message.Chain is { Place: > 0 } ? message.SentAt : TaskIds.CreatedAt(message.Id)) ?? message.EnqueuedAt;
        return now - due;
    }
}
