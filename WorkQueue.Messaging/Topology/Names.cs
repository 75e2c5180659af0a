using System.Buffers;

namespace WorkQueue.Messaging.Topology;

/// <summary>What a queue or a task type may be called.</summary>
internal static class Names
{
    public const string Rule = "1 to 100 letters (a-z, A-Z), digits, '-' or '_'";

    private const int MaxLength = 100;

    private static readonly SearchValues<char> Allowed =
        SearchValues.Create("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");

    // Each would be the name of something of ours: wq.history, wq.tasks and so on.
    private static readonly string[] Reserved = ["history", "control", "delay", "dead", "unrouted", "unreadable", "tasks", "events", "sub", "leader"];

    public static string ReservedList { get; } = string.Join(", ", Reserved);

    public static bool IsValid(string? name) => name is { Length: > 0 and <= MaxLength } && !name.AsSpan().ContainsAnyExcept(Allowed);

    public static bool IsReserved(string name) => Reserved.Contains(name, StringComparer.Ordinal);
}
