using System.Diagnostics;
using System.Text;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>How a chain goes on after one of its tasks; pure.</summary>
internal static class ChainSteps
{
    /// <summary>Why the next task could not be enqueued from here, or null: told before the run, which would be in vain.</summary>
    public static string? Refusal(string then, WorkQueueOptions options, TaskTopology topology)
    {
        NewTask next = StepCodec.Next(then).Step;
        string queue = QueueOf(next, options);
        return topology.Find(queue) is { IsSubscription: false } ? null : $"the next task of its chain, {next.Type}, cannot be enqueued from here: {topology.UnknownQueue(queue)}";
    }

    /// <summary>A task has succeeded that others come after.</summary>
    /// <returns>Its end with the next task; a rejection where that cannot be told its result.</returns>
    public static TaskOutcome After(TaskMessage message, string then, WrittenResult result, WorkQueueOptions options, DateTimeOffset now)
    {
        if (result.Note is { } note)
        {
            return new TaskOutcome.Rejected($"it has run, but its chain does not go on without its result: {note}");
        }

        ChainLink chain = message.Chain!;
        string previous = ChainCodec.Append(chain.Previous, result.Json);
        int bytes = Encoding.UTF8.GetByteCount(previous);
        if (bytes > ChainCodec.MaxPreviousBytes)
        {
            return new TaskOutcome.Rejected(
                $"it has run, but its chain does not go on: the results until here have {bytes} bytes as JSON; {ChainCodec.MaxPreviousBytes} travel with a task. Return a reference to what is large");
        }

        (NewTask step, string? rest) = StepCodec.Next(then);
        // The run's own span, while that goes on; without one the next task is in the trace of the enqueue.
        Activity? run = Activity.Current;
        return new TaskOutcome.Completed(result, new TaskMessage
        {
            Id = TaskChain.IdOf(chain.First, chain.Place + 1),
            Type = step.Type!,
            Queue = QueueOf(step, options),
            Body = step.Body,
            ContentType = step.ContentType,
            Key = step.Key,
            Priority = AmqpPriority.Write(step.Priority),
            EnqueuedAt = now,
            NotBefore = step.Delay > TimeSpan.Zero ? now + step.Delay : null,
            TraceParent = run?.Id ?? message.TraceParent,
            TraceState = run is null ? message.TraceState : run.TraceStateString,
            Chain = new ChainLink(chain.First, chain.Place + 1, rest, previous),
        });
    }

    // A plain client may name none.
    private static string QueueOf(NewTask step, WorkQueueOptions options) => step.Queue ?? options.Types.GetValueOrDefault(step.Type!)?.Queue ?? WorkQueueOptions.DefaultQueue;
}
