using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Batches;

/// <summary>What a batch and its members must be like.</summary>
internal sealed class BatchRules(TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock)
{
    private const int MaxText = 100;
    private const int MaxCallbackBytes = 16 * 1024;

    /// <summary>Checks what a batch is opened with.</summary>
    /// <exception cref="BatchRefusedException">It cannot be.</exception>
    /// <exception cref="InvalidTaskException">A callback cannot be.</exception>
    public void Check(BatchOptions batch)
    {
        if (batch.Id is { } id && (TaskIds.CreatedAt(id) is null || id.Any(char.IsAsciiLetterUpper)))
        {
            throw Malformed($"'{id}' is no id of a batch: it is a UUID of version 7 in lower case, such as {Guid.CreateVersion7(clock.GetUtcNow())}.");
        }

        if (batch.Name is { } name && (name.Length is 0 or > MaxText || name.Any(char.IsControl)))
        {
            throw Malformed($"The name has {name.Length} characters; it has 1 to {MaxText}, and none of control.");
        }

        CheckCallback(batch.OnSuccess, "onSuccess");
        CheckCallback(batch.OnComplete, "onComplete");
    }

    /// <summary>Checks tasks that are to be members, all of them before the first is sent.</summary>
    /// <exception cref="InvalidTaskException">One of them cannot be.</exception>
    public void Check(IReadOnlyList<NewTask> tasks)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        if (tasks.Count > BatchRecord.MostMembers)
        {
            throw Malformed($"These are {tasks.Count} tasks; a batch has at most {BatchRecord.MostMembers}.");
        }

        for (int index = 0; index < tasks.Count; index++)
        {
            try
            {
                CheckMember(tasks[index]);
            }
            catch (InvalidTaskException wrong)
            {
                throw new InvalidTaskException(wrong.Reason, wrong.Message) { Index = index };
            }
        }
    }

    /// <summary>Checks the key of tasks that are added.</summary>
    /// <exception cref="BatchRefusedException">It cannot be.</exception>
    public static void CheckKey(string? key)
    {
        if (key is { Length: 0 or > MaxText })
        {
            throw Malformed($"The key has {key.Length} characters; it has 1 to {MaxText}.");
        }
    }

    private void CheckMember(NewTask? task)
    {
        NewTaskRules.Require(task is not null, "The task is null.");
        NewTaskRules.Require(task is { Id: null, Chain: null }, "A member of a batch has no id of its own: that is made from the batch's id and its number.");
        NewTaskRules.Require(task is { Then: null or { Count: 0 } }, "A member of a batch has no tasks after it: its end would not be theirs. Have it add them to the batch, or enqueue them by the batch's onComplete.");
        NewTaskRules.Require(task is { EndTold: null, Unique: null }, "A member of a batch belongs to nothing else whose tasks' ends are told, and has no key.");
        NewTaskRules.Check(task!, options.Value, topology, clock.GetUtcNow());
    }

    private void CheckCallback(NewTask? task, string name)
    {
        if (task is null)
        {
            return;
        }

        try
        {
            NewTaskRules.Require(task is { Id: null, Chain: null, RunOf: null, EndTold: null, Unique: null }, "It has no id of its own, which is made from the batch's, and no key.");
            NewTaskRules.Require(task is { NotBefore: null, Deadline: null }, "It has no times: give it a delay, which begins when the batch has ended.");
            NewTaskRules.Check(task, options.Value, topology, clock.GetUtcNow());
            int bytes = BatchTask.Of(task)!.CountBytes();
            if (bytes > MaxCallbackBytes)
            {
                throw new InvalidTaskException(InvalidTaskReason.TooLarge, $"It has {bytes} bytes as JSON; {MaxCallbackBytes} are kept. Send a reference to what is large.");
            }
        }
        catch (InvalidTaskException wrong)
        {
            throw new InvalidTaskException(wrong.Reason, $"{name}: {wrong.Message}");
        }
    }

    private static BatchRefusedException Malformed(string text) => new(BatchRefusal.Malformed, text);
}
