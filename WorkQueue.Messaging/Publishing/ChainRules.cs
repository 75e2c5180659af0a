using System.Text;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Publishing;

/// <summary>What the tasks after a new task must be like; pure. They are checked before the first is sent: none is found wrong only when its turn has come.</summary>
internal static class ChainRules
{
    /// <summary>What travels with a new task; null for one of its own.</summary>
    /// <exception cref="InvalidTaskException">One of the tasks breaks a rule, which it names by its index, or they are too large.</exception>
    public static ChainLink? Check(NewTask task, string id, WorkQueueOptions options, TaskTopology topology) =>
        task.Then is null or { Count: 0 } && task.Chain is null ? null : LinkOf(task, id, options, topology);

    private static ChainLink LinkOf(NewTask task, string id, WorkQueueOptions options, TaskTopology topology)
    {
        string? then = StepCodec.ArrayOf((task.Then ?? []).Select((step, index) => Written(step, index, options, topology)));
        string? previous = StepCodec.ArrayOf((task.Chain?.Previous ?? []).Select(result => result.GetRawText()));
        NewTaskRules.Require(BytesOf(then) <= ChainCodec.MaxThenBytes, $"The tasks in 'then' have {BytesOf(then)} bytes as JSON; {ChainCodec.MaxThenBytes} travel with a task. Send a reference to what is large, or have the last of some tasks enqueue the others.", InvalidTaskReason.TooLarge);
        NewTaskRules.Require(BytesOf(previous) <= ChainCodec.MaxPreviousBytes, $"The earlier results have {BytesOf(previous)} bytes as JSON; {ChainCodec.MaxPreviousBytes} travel with a task.", InvalidTaskReason.TooLarge);
        NewTaskRules.Require(task.Chain is null or { Place: >= 0 and <= ChainCodec.MaxPlace, First.Length: > 0 and <= 255 }, "The chain names no first task, or no place in it.");
        return new ChainLink(task.Chain?.First ?? id, task.Chain?.Place ?? 0, then, previous);
    }

    private static string Written(NewTask? step, int index, WorkQueueOptions options, TaskTopology topology)
    {
        try
        {
            NewTaskRules.Require(step is not null, "It is null.");
            NewTaskRules.Require(step is { Id: null, RunOf: null, Chain: null, Then: null or { Count: 0 } }, "A task that comes after another has neither an id, which is made from the first one's, nor tasks of its own after it.");
            NewTaskRules.Require(step is { NotBefore: null, Deadline: null }, "A task that comes after another has no times: give it a delay, which begins when the one before it has ended.");
            NewTaskRules.Require(step is { Unique: null }, "A task that comes after another has no key of its own: give the first one a key.");
            (string type, TaskQueue queue) = NewTaskRules.Resolve(step!, options, topology);
            NewTaskRules.CheckBody(step!, options);
            NewTaskRules.CheckDelay(step!);
            FlowRules.Check(step!, queue);
            // With its queue: whoever enqueues it may know the types by other settings.
            return StepCodec.Write(step! with { Type = type, Queue = queue.Name });
        }
        catch (InvalidTaskException wrong)
        {
            throw new InvalidTaskException(wrong.Reason, $"then[{index}]: {wrong.Message}");
        }
        catch (FormatException wrong)
        {
            throw new InvalidTaskException(InvalidTaskReason.Malformed, $"then[{index}]: {wrong.Message}");
        }
    }

    private static int BytesOf(string? text) => text is null ? 0 : Encoding.UTF8.GetByteCount(text);
}
