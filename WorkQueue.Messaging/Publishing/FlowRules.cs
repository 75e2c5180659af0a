using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Publishing;

/// <summary>Where among the tasks of its queue a new task may belong; pure.</summary>
internal static class FlowRules
{
    /// <exception cref="InvalidTaskException">It has a key or a priority that its queue does not tell apart.</exception>
    public static void Check(NewTask task, TaskQueue queue)
    {
        NewTaskRules.Require(Enum.IsDefined(task.Priority), $"'{task.Priority}' is no priority: it is high, normal or low.");
        NewTaskRules.Require(
            task.Priority == TaskPriority.Normal || queue.Lanes.Order == LaneOrder.Priorities,
            $"The tasks of queue '{queue.Name}' have no priorities: set {WorkQueueOptions.Section}:Queues:{queue.Name}:Priorities in producers and workers.");
        if (task.Key is { } key)
        {
            NewTaskRules.RequireShortText(key, "key");
            NewTaskRules.Require(
                queue.Lanes.Order == LaneOrder.Keys,
                $"The tasks of queue '{queue.Name}' are not told apart by keys: set {WorkQueueOptions.Section}:Queues:{queue.Name}:Lanes in producers and workers.");
        }
    }
}
