using System.Globalization;
using System.Text.Json;

namespace WorkQueue.Messaging.Topology;

/// <summary>What a queue is for, as far as a policy may work against it.</summary>
internal abstract record QueueRole
{
    /// <summary>Holds tasks, or the events of a subscription, until a worker takes them.</summary>
    /// <param name="IsQuorum">Whether it is declared with arguments of ours.</param>
    /// <param name="LongestRun">How long a worker may hold a task.</param>
    public sealed record Tasks(bool IsQuorum, TimeSpan LongestRun) : QueueRole;

    /// <summary>Holds dead letters, or what found no queue.</summary>
    public sealed record Letters : QueueRole;

    /// <summary>A level of the delay ladder.</summary>
    /// <param name="Time">How long a message waits there.</param>
    public sealed record Level(TimeSpan Time) : QueueRole;

    /// <summary>A stream of what happened.</summary>
    /// <param name="MaxAge">How long it is to be kept.</param>
    /// <param name="MaxBytes">How large it may grow.</param>
    public sealed record Stream(TimeSpan MaxAge, long MaxBytes) : QueueRole;
}

/// <summary>What a key of a policy does to a queue.</summary>
internal sealed record PolicyFinding(string Key, string Effect, bool IsNote = false);

/// <summary>
/// From a queue's role and the policy on it to what that does; pure. Of a limit the broker takes the smaller of policy and argument; the overflow of a
/// policy beats the argument; where to dead-letter to is the argument's affair on quorum queues, and the policy's where there is none.
/// </summary>
internal static class PolicyRules
{
    private const string DeliveryLimit = "delivery-limit";
    private const string MessageTtl = "message-ttl";
    private const string Expires = "expires";
    private const string MaxLength = "max-length";
    private const string MaxLengthBytes = "max-length-bytes";
    private const string Overflow = "overflow";
    private const string RejectPublish = "reject-publish";
    private const string DeadLetterRoutingKey = "dead-letter-routing-key";
    private const string ConsumerTimeout = "consumer-timeout";
    // Lost connections of workers with dozens of slots come to hundreds.
    private const int ManyDeliveries = 1000;

    private const string MaxAge = "max-age";

    public static IEnumerable<PolicyFinding> Check(QueueRole role, IReadOnlyDictionary<string, JsonElement> policy) => role switch
    {
        QueueRole.Tasks tasks => OfTasks(tasks, policy),
        QueueRole.Letters => OfLetters(policy),
        QueueRole.Level level => OfLevel(level, policy),
        QueueRole.Stream stream => OfStream(stream, policy),
        _ => throw new ArgumentOutOfRangeException(nameof(role), role, null),
    };

    private static IEnumerable<PolicyFinding> OfTasks(QueueRole.Tasks tasks, IReadOnlyDictionary<string, JsonElement> policy) =>
    [
        .. If(tasks.IsQuorum && Number(policy, DeliveryLimit) is >= 0 and { } limit && limit < ManyDeliveries,
            DeliveryLimit, "the broker dead-letters a healthy task when connections are lost: each loss counts as a delivery, and as one more for each idle slot of that worker"),
        .. If(policy.ContainsKey(MessageTtl), MessageTtl, $"a task that waits longer than this many milliseconds is {(tasks.IsQuorum ? "dead-lettered without a run" : "lost")}"),
        .. If(policy.ContainsKey(Expires), Expires, "the queue is deleted, with the tasks in it, when no worker has taken from it for so many milliseconds"),
        .. Length(policy, tasks.IsQuorum, "the oldest tasks are taken out without a run", "delayed tasks and retries are refused when it is full, which holds up those of all queues; the setting MaxLength of a queue refuses new tasks alone"),
        .. AtLeastOnce(tasks.IsQuorum, policy),
        .. If(Number(policy, ConsumerTimeout) is { } timeout && timeout <= tasks.LongestRun.TotalMilliseconds,
            ConsumerTimeout, $"the broker takes a task back that runs longer than this many milliseconds, and it runs again: tasks may take {tasks.LongestRun}"),
    ];

    private static IEnumerable<PolicyFinding> OfLetters(IReadOnlyDictionary<string, JsonElement> policy) =>
    [
        .. If(Number(policy, DeliveryLimit) is >= 0, DeliveryLimit, "a letter is lost after it has been looked at and passed over so often by redrives and discards"),
        .. If(policy.ContainsKey(MessageTtl), MessageTtl, "letters are lost after so many milliseconds"),
        .. If(policy.ContainsKey(Expires), Expires, "the queue is deleted, with the letters in it, when nobody has used it for so many milliseconds"),
        .. Length(policy, rejects: false, "the oldest letters are lost", "a task that dies is held by its worker until there is room"),
    ];

    private static IEnumerable<PolicyFinding> OfLevel(QueueRole.Level level, IReadOnlyDictionary<string, JsonElement> policy) =>
    [
        .. If(Number(policy, MessageTtl) is { } ttl && ttl < level.Time.TotalMilliseconds, MessageTtl, "delayed tasks and retries come before their time, and are sent back to wait by the workers that get them"),
        .. If(policy.ContainsKey(Expires), Expires, "the queue is deleted, with the delayed tasks and retries in it, after so many milliseconds: nobody consumes from it"),
        .. Length(policy, rejects: true, "delayed tasks and retries are taken out before their time, or lost", "delayed tasks are refused, and retries held by their workers, when it is full"),
        .. AtLeastOnce(isQuorum: true, policy),
        .. If(policy.ContainsKey(DeadLetterRoutingKey), DeadLetterRoutingKey, "delayed tasks and retries do not find their queue: the key they came with says where they go and when"),
    ];

    private static IEnumerable<PolicyFinding> OfStream(QueueRole.Stream stream, IReadOnlyDictionary<string, JsonElement> policy) =>
    [
        .. If(policy.TryGetValue(MaxAge, out JsonElement age) && !(AgeOf(age) >= stream.MaxAge), MaxAge, $"it is kept for less than the {stream.MaxAge.TotalDays:0.#} days of HistoryRetention", isNote: true),
        .. If(Number(policy, MaxLengthBytes) is { } bytes && bytes < stream.MaxBytes, MaxLengthBytes, $"it is kept for less long: {stream.MaxBytes} bytes are what it may grow to", isNote: true),
    ];

    private static IEnumerable<PolicyFinding> Length(IReadOnlyDictionary<string, JsonElement> policy, bool rejects, string dropped, string refused)
    {
        bool drops = policy.TryGetValue(Overflow, out JsonElement overflow) ? Text(overflow) == "drop-head" : !rejects;
        foreach (string key in (string[])[MaxLength, MaxLengthBytes])
        {
            if (policy.ContainsKey(key))
            {
                yield return new PolicyFinding(key, drops ? dropped : refused);
            }
        }
    }

    // What does not refuse is dead-lettered at most once, whatever strategy the queue is declared with.
    private static IEnumerable<PolicyFinding> AtLeastOnce(bool isQuorum, IReadOnlyDictionary<string, JsonElement> policy) =>
        If(isQuorum && policy.TryGetValue(Overflow, out JsonElement overflow) && Text(overflow) != RejectPublish, Overflow, "with anything but reject-publish a task may be lost on its way to the next queue");

    private static IEnumerable<PolicyFinding> If(bool holds, string key, string effect, bool isNote = false) => holds ? [new PolicyFinding(key, effect, isNote)] : [];

    private static double? Number(IReadOnlyDictionary<string, JsonElement> policy, string key) =>
        policy.TryGetValue(key, out JsonElement value) && value.ValueKind == JsonValueKind.Number ? value.GetDouble() : null;

    private static string? Text(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    // A number and a unit: Y, M, D, h, m or s.
    private static TimeSpan? AgeOf(JsonElement value)
    {
        if (Text(value) is not { Length: > 1 } text || !double.TryParse(text[..^1], NumberStyles.None, CultureInfo.InvariantCulture, out double number))
        {
            return null;
        }

        double days = text[^1] switch { 'Y' => 365, 'M' => 30, 'D' => 1, 'h' => 1.0 / 24, 'm' => 1.0 / 1440, 's' => 1.0 / 86_400, _ => 0 };
        return TimeSpan.FromDays(Math.Min(number * days, 1_000_000));
    }
}
