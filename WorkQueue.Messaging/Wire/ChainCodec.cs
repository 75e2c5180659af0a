using System.Text;
using System.Text.Json;

namespace WorkQueue.Messaging.Wire;

/// <summary>What travels with a task of a chain.</summary>
/// <param name="First">The id of the chain's first task.</param>
/// <param name="Place">The task's place; the first has 0.</param>
/// <param name="Then">The tasks after it, a JSON array; null for none.</param>
/// <param name="Previous">The results of those before it, a JSON array; null for none.</param>
internal sealed record ChainLink(string First, int Place, string? Then, string? Previous);

/// <summary>Chains to headers and back; pure. Whatever cannot be read is said, never thrown, and carried on as it came where it fits.</summary>
internal static class ChainCodec
{
    // Together with all else that may be in the headers of a task they fit one frame, 128 KiB.
    public const int MaxThenBytes = 64 * 1024;
    public const int MaxPreviousBytes = 32 * 1024;

    // No task takes fewer bytes of those.
    public const int MaxPlace = MaxThenBytes / 10;

    public static void Write(Dictionary<string, object?> headers, ChainLink? chain)
    {
        if (chain is null)
        {
            return;
        }

        headers[TaskHeaders.Chain] = chain.First;
        headers[TaskHeaders.Place] = chain.Place;
        if (chain.Then is not null)
        {
            headers[TaskHeaders.Then] = chain.Then;
        }

        if (chain.Previous is not null)
        {
            headers[TaskHeaders.Previous] = chain.Previous;
        }
    }

    /// <summary>Reads what travels with a task; null for a task of its own.</summary>
    public static ChainLink? Read(IDictionary<string, object?>? headers, string id, ref string? unreadable)
    {
        bool isOne = headers is not null && (headers.ContainsKey(TaskHeaders.Chain) || headers.ContainsKey(TaskHeaders.Then)
            || headers.ContainsKey(TaskHeaders.Place) || headers.ContainsKey(TaskHeaders.Previous));
        if (!isOne)
        {
            return null;
        }

        string first = TaskHeaders.Text(headers, TaskHeaders.Chain) ?? id;
        if (first.Length == 0 || Encoding.UTF8.GetByteCount(first) > byte.MaxValue)
        {
            unreadable ??= $"header {TaskHeaders.Chain} is no task id";
            first = id;
        }

        if (!TaskHeaders.TryInteger(headers, TaskHeaders.Place, out long? place) || place is < 0 or > MaxPlace)
        {
            unreadable ??= $"header {TaskHeaders.Place} is no place in a chain: '{TaskCodec.Cut(TaskHeaders.Text(headers, TaskHeaders.Place), 100)}'";
            place = null;
        }

        string? then = ReadArray(headers!, TaskHeaders.Then, MaxThenBytes, StepCodec.Read, ref unreadable);
        string? previous = ReadArray(headers!, TaskHeaders.Previous, MaxPreviousBytes, Results, ref unreadable);
        return new ChainLink(first, (int)(place ?? 0), then, previous);
    }

    /// <summary>Reads the results before a task.</summary>
    /// <exception cref="FormatException">They cannot be read.</exception>
    public static IReadOnlyList<JsonElement> Results(string? previous) => StepCodec.Elements(previous);

    /// <summary>The results with one more.</summary>
    public static string Append(string? previous, ReadOnlyMemory<byte> result) =>
        StepCodec.ArrayOf(Results(previous).Select(before => before.GetRawText()).Append(result.IsEmpty ? "null" : Encoding.UTF8.GetString(result.Span)))!;

    /// <summary>What a record of its own tells: neither payloads nor results, and what comes after it only where it begins to wait.</summary>
    public static ChainLink? Told(ChainLink? chain, bool moves) =>
        chain is null ? null : chain with { Previous = null, Then = moves ? StepCodec.ArrayOf(StepsOrNone(chain.Then).Select(step => $$"""{"type":"{{JsonEncodedText.Encode(step.Type!)}}"}""")) : null };

    /// <summary>A place in a chain, as it is shown.</summary>
    public static TaskChain? Shown(ChainLink? chain) => chain is null ? null : new TaskChain { First = chain.First, Place = chain.Place, Previous = OrNone(chain.Previous, Results) };

    /// <summary>The tasks after a task, as they are shown.</summary>
    public static IReadOnlyList<NewTask> StepsOrNone(string? then) => OrNone(then, StepCodec.Read);

    private static string? ReadArray<T>(IDictionary<string, object?> headers, string name, int most, Func<string, IReadOnlyList<T>> read, ref string? unreadable)
    {
        if (TaskHeaders.Json(headers, name) is not { } text)
        {
            return null;
        }

        int bytes = Encoding.UTF8.GetByteCount(text);
        if (bytes > most)
        {
            // With the reasons of a dead letter it may not fit its frame, and each try would end the connection.
            unreadable ??= $"header {name} has {bytes} bytes, and was not kept; at most {most} travel with a task";
            return null;
        }

        try
        {
            return read(text).Count == 0 ? null : text;
        }
        catch (FormatException malformed)
        {
            unreadable ??= $"header {name} cannot be read: {malformed.Message}";
            return text;
        }
    }

    private static IReadOnlyList<T> OrNone<T>(string? text, Func<string, IReadOnlyList<T>> read)
    {
        try
        {
            return text is null ? [] : read(text);
        }
        catch (FormatException)
        {
            return [];
        }
    }
}
