using System.Reflection;

namespace WorkQueue.Messaging;

/// <summary>
/// The task type of a payload: with it tasks are enqueued (<c>queue.EnqueueAsync(new CountWords("…"))</c>) and handlers added
/// (<c>AddTaskHandler&lt;CountWords, CountWordsHandler&gt;()</c>) without naming the type again. Not inherited.
/// </summary>
/// <param name="type">The task type: letters, digits, <c>-</c> and <c>_</c>.</param>
[AttributeUsage(AttributeTargets.Class | AttributeTargets.Struct | AttributeTargets.Interface | AttributeTargets.Enum, Inherited = false)]
public sealed class TaskTypeAttribute(string type) : Attribute
{
    /// <summary>The task type.</summary>
    public string Type { get; } = type;

    /// <summary>The task type of a payload.</summary>
    /// <exception cref="ArgumentException">It has none.</exception>
    internal static string Of(Type payload) => payload.GetCustomAttribute<TaskTypeAttribute>(inherit: false)?.Type
        ?? throw new ArgumentException($"{payload.Name} has no task type: put [TaskType(\"…\")] on it, or name the type where it is enqueued and where its handler is added.");
}
