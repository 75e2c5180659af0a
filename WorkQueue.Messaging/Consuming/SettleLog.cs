using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>What the log is told of a task that has moved.</summary>
internal static class SettleLog
{
    /// <summary>Says it. Never throws: the task has moved, and is to be acknowledged; to move it once more would make a copy.</summary>
    public static void Tell(ILogger logger, TaskMessage message, Disposition disposition)
    {
        try
        {
            Write(logger, message, disposition);
        }
#pragma warning disable CA1031 // Whatever writes the log, it is no part of what becomes of tasks.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }

    private static void Write(ILogger logger, TaskMessage message, Disposition disposition)
    {
        switch (disposition)
        {
            case Disposition.Ack { Next: { } step }:
                logger.ChainGoesOn(message.Id, message.Type, step.Id, step.Type);
                break;
            case Disposition.Retry retry:
                logger.TaskRetrying(message.Id, message.Type, message.Attempt, retry.Delay.TotalSeconds, HandlerFailure.OneLine(retry.End.Reason));
                break;
            case Disposition.DeadLetter dead:
                logger.TaskDeadLettered(message.Id, message.Type, message.Attempt, HandlerFailure.OneLine(dead.End.Error is { } error ? $"{dead.End.Reason}: {error}" : dead.End.Reason));
                break;
            case Disposition.Requeue back:
                logger.TaskReturned(message.Id, message.Type, back.End.Reason);
                break;
            case Disposition.LeaveToOthers left:
                logger.TaskLeftToOthers(message.Id, message.Type, left.Why.Reason);
                break;
            case Disposition.WaitAgain wait:
                logger.TaskTooEarly(message.Id, message.Type, wait.Why.Reason);
                break;
            case Disposition.EndCancelled or Disposition.Drop:
                logger.TaskCancelled(message.Id, message.Type);
                break;
        }
    }
}
