using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging;

/// <summary>The types of task that the settings name: those of <see cref="WorkQueueOptions.Types"/>, and the default types of queues. Registered by <c>AddTaskQueue()</c>.</summary>
public sealed class TaskCatalogue
{
    private readonly TaskTopology _topology;

    internal TaskCatalogue(TaskTopology topology) => _topology = topology;

    /// <summary>The types whose tasks would be dead letters, since there are workers that take from their queue and none has a handler, each with its queue.</summary>
    /// <param name="workers">The workers that are alive. One whose version does not tell its types may have any.</param>
    public IReadOnlyList<(string Type, string Queue)> WithoutHandler(IReadOnlyList<WorkerInfo> workers) =>
    [
        .. _topology.ExpectedTypes.Where(expected =>
        {
            WorkerInfo[] takers = [.. workers.Where(worker => worker.Queues.Contains(expected.Queue))];
            return takers.Length > 0 && Array.TrueForAll(takers, worker => worker.Types is { } types && !_topology.IsHandled(expected.Type, expected.Queue, types));
        }),
    ];
}
