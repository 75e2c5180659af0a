using System.Text.Json;

namespace WorkQueue.Messaging;

/// <summary>What policies do to one queue, as the broker says.</summary>
/// <param name="Queue">The queue's name on the broker.</param>
/// <param name="Policy">The policy that applies to it, or null.</param>
/// <param name="OperatorPolicy">The operator policy that applies to it, or null.</param>
/// <param name="Definition">The keys of both, as they take effect (<c>effective_policy_definition</c>).</param>
public sealed record AppliedPolicy(string Queue, string? Policy, string? OperatorPolicy, IReadOnlyDictionary<string, JsonElement> Definition);

/// <summary>A policy that would make an accepted task early, late or lost.</summary>
/// <param name="Queue">The queue's name on the broker.</param>
/// <param name="TaskQueue">The task queue it is, or whose dead letters it holds, by its name in the settings; null for what all queues share.</param>
/// <param name="Key">The key of the policy.</param>
/// <param name="Value">Its value.</param>
/// <param name="Policy">The policy, or the policies of which one has the key.</param>
/// <param name="Effect">What it does.</param>
/// <param name="IsNote">True where no task comes to harm: the history is only shorter than its settings say.</param>
public sealed record PolicyWarning(string Queue, string? TaskQueue, string Key, string Value, string Policy, string Effect, bool IsNote)
{
    private const int MostNamed = 3;

    /// <summary>A line for each policy and effect, with the queues it concerns and what to do.</summary>
    /// <param name="warnings">The warnings.</param>
    public static IReadOnlyList<string> Describe(IEnumerable<PolicyWarning> warnings) =>
    [
        .. warnings.GroupBy(warning => (warning.Key, warning.Value, warning.Policy, warning.Effect))
            .Select(same => Describe([.. same.Select(warning => warning.Queue)], same.First())),
    ];

    /// <summary>The warning as a line, with what to do.</summary>
    public override string ToString() => Describe([Queue], this);

    private static string Describe(string[] queues, PolicyWarning warning)
    {
        string named = string.Join(", ", queues.Take(MostNamed)) + (queues.Length > MostNamed ? $" and {queues.Length - MostNamed} more" : "");
        // An adopted queue has any name.
        string pattern = queues[0].IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? $"^(?!{queues[0][..dot]}\\.)" : $"^(?!{queues[0]}$)";
        return $"{named}: {warning.Key} {warning.Value} of {warning.Policy}: {warning.Effect}. Have the policy leave {(queues.Length == 1 ? "this queue" : "these queues")} out, by the pattern {pattern} for example";
    }
}
