using System.Text.Json;
using System.Text.Json.Serialization;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Leading;

/// <summary>Tells the leader that a task has ended, where its message asks for it.</summary>
internal sealed class TaskEnds(IPublisher publisher, TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock, ILogger<TaskEnds> logger)
{
    private static readonly TimeSpan TryAgain = TimeSpan.FromSeconds(1);

    /// <summary>Returns when the broker has it: who acknowledges afterwards knows that it will be heard.</summary>
    /// <returns>False when there was no time.</returns>
    public async ValueTask<bool> TellAsync(TaskMessage task, CancellationToken takenBack, CancellationToken givenUp)
    {
        if (task.EndTold is not { } told || told.IndexOf(':', StringComparison.Ordinal) is not (> 0 and var colon))
        {
            return true;
        }

        // Never a command of another kind, whatever the header of a foreign message says.
        byte[] body = JsonSerializer.SerializeToUtf8Bytes(new TaskEnd(told[(colon + 1)..], task.Id), TaskEndJson.Default.TaskEnd);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(takenBack, givenUp);
        CancellationToken end = either.Token;
        LeaderEntry entry = new($"{told[..colon]}.ended", body);
        while (true)
        {
            try
            {
                await publisher.PublishAsync(LeaderSession.MessageOf(topology.Leader.Queue, entry), options.Value.ConfirmTimeout, end);
                return true;
            }
            catch (PublishFailedException gone) when (gone.Outcome == PublishOutcome.Returned)
            {
                // No queue, and with it nobody who waits.
                return true;
            }
            catch (PublishFailedException failure)
            {
                logger.SettleDelayed(task.Id, failure.Message);
                await Task.Delay(TryAgain, clock, end).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            }
            catch (OperationCanceledException) when (end.IsCancellationRequested)
            {
            }

            if (end.IsCancellationRequested)
            {
                logger.TaskTakenBack(task.Id, task.Type);
                return false;
            }
        }
    }
}

/// <summary>A task has ended.</summary>
/// <param name="Name">Of what it was one.</param>
/// <param name="TaskId">Its id.</param>
internal sealed record TaskEnd(string Name, string TaskId);

[JsonSourceGenerationOptions(JsonSerializerDefaults.Web)]
[JsonSerializable(typeof(TaskEnd))]
internal sealed partial class TaskEndJson : JsonSerializerContext;
