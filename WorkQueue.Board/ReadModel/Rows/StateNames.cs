using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Rows;

/// <summary>The states as the API writes them.</summary>
internal static class StateNames
{
    private static readonly Dictionary<string, TaskState> States =
        Enum.GetValues<TaskState>().ToDictionary(state => char.ToLowerInvariant(state.ToString()[0]) + state.ToString()[1..], StringComparer.Ordinal);

    private static readonly Dictionary<TaskState, string> Texts = States.ToDictionary(state => state.Value, state => state.Key);

    public static string All => string.Join(", ", States.Keys);

    public static string ToText(this TaskState state) => Texts[state];

    public static bool TryParse(string text, out TaskState state) => States.TryGetValue(text, out state);
}
