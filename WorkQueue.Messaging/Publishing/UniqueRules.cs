using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Publishing;

/// <summary>What a key must be like, and what it is called on the broker; pure.</summary>
internal static class UniqueRules
{
    private const int MaxKeyBytes = 255;
    private const int DelaysAtMost = 10;

    /// <exception cref="InvalidTaskException">It breaks a rule.</exception>
    public static void Check(UniqueOptions? unique, TimeSpan? delay)
    {
        if (unique is null)
        {
            return;
        }

        NewTaskRules.Require(unique.Key is null or { Length: > 0 } && Encoding.UTF8.GetByteCount(unique.Key ?? "") <= MaxKeyBytes, $"unique.key has 1 to {MaxKeyBytes} bytes; without one the payload is the key.");
        NewTaskRules.Require(unique.For is null || IsTime(unique.For), $"unique.for is '{Text(unique.For)}'; it is longer than 0 and at most {DelayLadder.Longest.TotalDays:0.0} days, or pending.");
        NewTaskRules.Require(Enum.IsDefined(unique.Then), $"unique.then is '{unique.Then}'; it is skip, replace or debounce.");
        NewTaskRules.Require(unique.Then == UniqueRule.Skip || unique.For is null, $"unique.then is {Name(unique.Then)}, which is for a task that waits: leave out unique.for, or take skip.");
        if (unique.Then == UniqueRule.Debounce)
        {
            NewTaskRules.Require(delay > TimeSpan.Zero, "unique.then is debounce, and the task has no delay, which would begin anew with each: give it one.");
            NewTaskRules.Require(unique.Limit is null || (IsTime(unique.Limit) && unique.Limit >= delay), $"unique.limit is '{Text(unique.Limit)}'; it is not shorter than the delay, {Text(delay)}, and at most {DelayLadder.Longest.TotalDays:0.0} days.");
        }
        else
        {
            NewTaskRules.Require(unique.Limit is null, "unique.limit is for debounce alone: leave it out.");
        }
    }

    /// <summary>For how long a debounced task is put off at most.</summary>
    public static TimeSpan LimitOf(UniqueOptions unique, TimeSpan delay) => unique.Limit ?? (delay * DelaysAtMost < DelayLadder.Longest ? delay * DelaysAtMost : DelayLadder.Longest);

    /// <summary>What a key is called, whatever is in it.</summary>
    public static string ScopeOf(UniqueOptions unique, TaskMessage message)
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        // Neither a queue nor a type has a line break in it.
        hash.AppendData(Encoding.UTF8.GetBytes($"{message.Queue}\n{message.Type}\n{(unique.Key is null ? $"payload {message.ContentType}" : "key")}\n"));
        hash.AppendData(unique.Key is { } key ? Encoding.UTF8.GetBytes(key) : message.Body.Span);
        return Convert.ToHexStringLower(hash.GetHashAndReset().AsSpan(0, 16));
    }

    private static bool IsTime(TimeSpan? time) => time > TimeSpan.Zero && time <= DelayLadder.Longest;

    private static string Name(UniqueRule rule) => rule.ToString().ToLowerInvariant();

    private static string? Text(TimeSpan? time) => time?.ToString("c", CultureInfo.InvariantCulture);
}
