using System.Text;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Publishing;

/// <summary>Where among the tasks of its queue a new task may belong; pure.</summary>
internal static class FlowRules
{
    // Of what AMQP calls 0 to 9. RabbitMQ 4 takes more than 4 for urgent too.
    private const byte High = 9;
    private const byte Low = 1;

    /// <exception cref="InvalidTaskException">It has a key or a priority that its queue does not tell apart.</exception>
    public static void Check(NewTask task, TaskQueue queue)
    {
        NewTaskRules.Require(Enum.IsDefined(task.Priority), $"'{task.Priority}' is no priority: it is high, normal or low.");
        NewTaskRules.Require(
            task.Priority == TaskPriority.Normal || queue.Lanes.Order == LaneOrder.Priorities,
            $"The tasks of queue '{queue.Name}' have no priorities: set {WorkQueueOptions.Section}:Queues:{queue.Name}:Priorities in producers and workers.");
        if (task.Key is { } key)
        {
            NewTaskRules.Require(key.Length > 0 && Encoding.UTF8.GetByteCount(key) <= byte.MaxValue && !key.Any(char.IsControl), "A key has 1 to 255 bytes and no control characters.");
            NewTaskRules.Require(
                queue.Lanes.Order == LaneOrder.Keys,
                $"The tasks of queue '{queue.Name}' are not told apart by keys: set {WorkQueueOptions.Section}:Queues:{queue.Name}:Lanes in producers and workers.");
        }
    }

    /// <summary>A priority as a message has it; null for none.</summary>
    public static byte? OnWire(TaskPriority priority) => priority switch { TaskPriority.High => High, TaskPriority.Low => Low, _ => null };
}
