using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;

namespace WorkQueue.Messaging.Topology;

/// <summary>By what the tasks of a queue are told apart into lanes.</summary>
internal enum LaneOrder
{
    /// <summary>They are not.</summary>
    One,

    /// <summary>By their priority: a lane for each, the more urgent first.</summary>
    Priorities,

    /// <summary>By their key.</summary>
    Keys,

    /// <summary>By their type: a lane for each that has a limit or a rate of its own, and one for all others.</summary>
    Types,
}

/// <summary>The lanes of one task queue.</summary>
internal sealed class TaskLanes
{
    private readonly Dictionary<string, TaskLane> _types;

    public TaskLanes(TaskQueue queue, QueueOptions options, IEnumerable<KeyValuePair<string, TaskTypeOptions>> limitedTypes)
    {
        _types = limitedTypes.ToDictionary(
            type => type.Key, type => new TaskLane(queue, $"type-{type.Key}", type.Value.MaxRunning, TaskRate.Read(type.Value.Rate)), StringComparer.Ordinal);
        IsOrdered = options.Ordered;
        int? limit = options.Ordered ? 1 : options.MaxRunningPerKey;
        TaskRate? rate = TaskRate.Read(options.RatePerKey);
        (Order, All) = options switch
        {
            { Priorities: true } => (LaneOrder.Priorities, [new TaskLane(queue, "high"), new TaskLane(queue), new TaskLane(queue, "low")]),
            { Lanes: { } count } => (LaneOrder.Keys, (IReadOnlyList<TaskLane>)[.. Enumerable.Range(1, count).Select(number => Numbered(queue, number, limit, rate))]),
            _ when _types.Count > 0 => (LaneOrder.Types, [new TaskLane(queue), .. _types.Values]),
            _ => (LaneOrder.One, [new TaskLane(queue)]),
        };
    }

    public LaneOrder Order { get; }

    public IReadOnlyList<TaskLane> All { get; }

    /// <summary>The tasks of a lane run one after the other, as they were enqueued.</summary>
    public bool IsOrdered { get; }

    /// <summary>Where what names no lane goes.</summary>
    public TaskLane First => All[Order == LaneOrder.Priorities ? 1 : 0];

    /// <summary>The lane of a task.</summary>
    /// <param name="type">Its type.</param>
    /// <param name="priority">Its priority as AMQP has it.</param>
    /// <param name="key">Its key; where it has none, its id.</param>
    public TaskLane Of(string type, byte? priority, string key) => Order switch
    {
        LaneOrder.Priorities => All[AmqpPriority.Read(priority) switch { TaskPriority.High => 0, TaskPriority.Low => 2, _ => 1 }],
        LaneOrder.Keys => All[IndexOf(key)],
        LaneOrder.Types => _types.GetValueOrDefault(type, First),
        _ => First,
    };

    /// <summary>What is kept on the broker of their number, for another would put the tasks of a key elsewhere; null where there is none.</summary>
    public string? Mark => Order == LaneOrder.Keys ? $"{All.Count}{(IsOrdered ? " ordered" : "")} lanes" : null;

    private static TaskLane Numbered(TaskQueue queue, int number, int? limit, TaskRate? rate) => new(queue, number == 1 ? null : $"lane-{number}", limit, rate);

    // The same in every program, whatever its runtime.
    private int IndexOf(string key) => (int)(BinaryPrimitives.ReadUInt32BigEndian(SHA256.HashData(Encoding.UTF8.GetBytes(key))) % (uint)All.Count);
}
