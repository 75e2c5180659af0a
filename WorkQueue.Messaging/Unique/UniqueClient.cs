using System.Diagnostics;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Unique;

/// <summary>Has the leader enqueue a task with a key.</summary>
internal sealed class UniqueClient(ILeaderCommands leader, TaskPublisher publisher, TaskTopology topology, WorkQueueTelemetry telemetry, TimeProvider clock)
{
    // As base64 and with all else it fits the 16 MiB of a message.
    public const int MaxPayloadBytes = 8 * 1024 * 1024;

    // Longer than a program needs to take over from another one that is dead.
    private static readonly TimeSpan Limit = TimeSpan.FromSeconds(30);

    /// <inheritdoc cref="ITaskQueue.EnqueueAsync"/>
    public async Task<EnqueuedTask> EnqueueAsync(NewTask task, UniqueOptions unique, CancellationToken cancellationToken)
    {
        TaskMessage message = publisher.Check(task);
        if (message.Body.Length > MaxPayloadBytes)
        {
            throw new InvalidTaskException(InvalidTaskReason.TooLarge, TooLarge(message.Body.Length));
        }

        using Activity? activity = telemetry.StartPublish(topology.TasksExchange, message.Queue, message.Id);
        bool restarts = unique.Then == UniqueRule.Debounce;
        UniqueCommand command = new(
            UniqueRules.ScopeOf(unique, message), UniqueTask.Of(TaskPublisher.InTrace(message)), unique.Then, unique.For,
            restarts ? task.Delay : null, restarts ? UniqueRules.LimitOf(unique, task.Delay!.Value) : null);
        LeaderAnswer answer = await AskAsync(message.Id, command, cancellationToken);
        return answer.Refusal is { } refusal
            ? throw TaskRefusal.Read(refusal, message.Id) ?? new TaskNotEnqueuedException(PublishOutcome.Unavailable, message.Id, refusal)
            : UniqueEntries.ReadAnswer(answer.Text) is { } told ? new EnqueuedTask(told.Id, told.State) { Existing = told.Existing }
            : throw new TaskNotEnqueuedException(PublishOutcome.Unavailable, message.Id, "The program that leads has not said which task holds the key.");
    }

    /// <summary>What is wrong with a payload that is larger.</summary>
    public static string TooLarge(int bytes) => $"The payload has {bytes} bytes; with a key a task has at most {MaxPayloadBytes}.";

    private async Task<LeaderAnswer> AskAsync(string taskId, UniqueCommand command, CancellationToken cancellationToken)
    {
        using CancellationTokenSource late = new(Limit, clock);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            return await leader.AskAsync(UniqueEntries.Enqueue, UniqueEntries.Write(command), end.Token);
        }
        catch (Exception away) when (away is BrokerUnavailableException || (away is OperationCanceledException && !cancellationToken.IsCancellationRequested))
        {
            string why = away is BrokerUnavailableException ? away.Message.TrimEnd('.') : $"the program that leads has not answered within {Limit.TotalSeconds:0} s";
            throw new TaskNotEnqueuedException(PublishOutcome.Unavailable, taskId, $"Whether a task of this key is there could not be told: {why}. Send it again: there will be one of the key.", away);
        }
    }
}
