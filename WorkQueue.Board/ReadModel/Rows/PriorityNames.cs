using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>The priorities as the API writes them.</summary>
internal static class PriorityNames
{
    public static string ToText(this TaskPriority priority) => priority switch { TaskPriority.High => "high", TaskPriority.Low => "low", _ => "normal" };

    public static bool TryParse(string text, out TaskPriority priority)
    {
        priority = Enum.GetValues<TaskPriority>().FirstOrDefault(known => known.ToText() == text);
        return priority.ToText() == text;
    }
}
