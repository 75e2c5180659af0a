using System.Collections.Concurrent;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Streams;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Testing.InMemory;

/// <summary>What the leader tells workers, in place of the control log.</summary>
internal sealed class MemoryControl : ICancelledTasks
{
    private readonly ConcurrentDictionary<string, int> _cancelled = new(StringComparer.Ordinal);

    /// <summary>Raised for each task that is cancelled, with its id.</summary>
    public event Action<string>? Cancelled;

    /// <summary>Whether a task was cancelled, and not redriven since.</summary>
    public bool IsCancelled(TaskMessage task) => _cancelled.TryGetValue(task.Id, out int redriven) && task.Redriven <= redriven;

    public ValueTask<int> NextRedrivenAsync(string id, CancellationToken cancellationToken) =>
        ValueTask.FromResult(_cancelled.TryGetValue(id, out int redriven) ? redriven + 1 : 0);

    /// <summary>Does what a message tells.</summary>
    public void Obey(OutgoingMessage message)
    {
        ControlEntry? entry = ControlEntry.Read(new StreamMessage(0, 0, message.Exchange, message.RoutingKey, message.Properties, message.Body));
        foreach ((string id, int redriven) in entry?.Cancelled ?? new Dictionary<string, int>())
        {
            _cancelled[id] = redriven;
            if (entry!.Kind == ControlEntry.CancelKind)
            {
                Cancelled?.Invoke(id);
            }
        }
    }
}
