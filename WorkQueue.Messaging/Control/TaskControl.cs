using Microsoft.Extensions.Options;
using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Control;

/// <summary>Cancels tasks, and pauses and resumes queues, by saying so on the control log.</summary>
internal sealed class TaskControl(
    ControlWriter writer, ControlLog log, HistoryRecorder history, TaskTopology topology, IOptions<WorkQueueOptions> options, TimeProvider clock) : ITaskControl
{
    public IReadOnlyCollection<string> PausedQueues => log.PausedQueues;

    public async Task CancelAsync(IReadOnlyCollection<TaskToCancel> tasks, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        foreach (TaskToCancel[] some in tasks.Chunk(ControlEntry.MaxIds))
        {
            ControlEntry entry = ControlEntry.Cancel(some);
            await writer.SayAsync(entry, cancellationToken);
            // Not only when the log tells it: who enqueues one of these ids next is to have it run.
            log.Note(entry.Cancelled!);
        }

        // A task that waits has ended by this; of one that runs the worker tells the end.
        AttemptEnd end = new(ITaskControl.CancelledBeforeItRan, null, null, clock.GetUtcNow());
        await Parallel.ForEachAsync(
            tasks.Where(task => !task.Running),
            new ParallelOptions { MaxDegreeOfParallelism = options.Value.PublishWindow, CancellationToken = cancellationToken },
            async (task, _) => await history.CancelledAsync(MessageOf(task), end, null));
    }

    public async Task PauseAsync(string queue, CancellationToken cancellationToken = default) => await writer.SayAsync(ControlEntry.Pause(NameOf(queue)), cancellationToken);

    public async Task ResumeAsync(string queue, CancellationToken cancellationToken = default) => await writer.SayAsync(ControlEntry.Resume(NameOf(queue)), cancellationToken);

    private string NameOf(string queue) => topology.Find(queue)?.Name ?? throw new InvalidTaskException(InvalidTaskReason.UnknownQueue, topology.UnknownQueue(queue));

    private static TaskMessage MessageOf(TaskToCancel task) =>
        new() { Id = task.Id, Type = task.Type, Queue = task.Queue, Attempt = task.Attempt, Redriven = task.Redriven, Body = ReadOnlyMemory<byte>.Empty };
}
