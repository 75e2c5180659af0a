using System.Collections;
using System.Text.Json;
using System.Text.Json.Serialization.Metadata;

namespace WorkQueue.Messaging;

/// <summary>What the tasks of a chain returned that ran before, in order; of the kind null for one that returned nothing.</summary>
public sealed class TaskResults : IReadOnlyList<JsonElement>
{
    private readonly IReadOnlyList<JsonElement> _results;
    private readonly JsonSerializerOptions? _json;

    internal TaskResults(IReadOnlyList<JsonElement> results, JsonSerializerOptions? json) => (_results, _json) = (results, json);

    /// <summary>Of a task that nothing ran before.</summary>
    public static TaskResults None { get; } = new([], null);

    /// <summary>How many tasks ran before.</summary>
    public int Count => _results.Count;

    /// <summary>A result as JSON.</summary>
    /// <param name="index">The place of its task, from 0.</param>
    public JsonElement this[int index] => _results[index];

    /// <summary>Reads a result, as <see cref="TaskJsonOptions"/> says.</summary>
    /// <typeparam name="TResult">What it is read into.</typeparam>
    /// <param name="index">The place of its task, from 0.</param>
    /// <returns>The result; null where that task returned nothing.</returns>
    /// <exception cref="TaskRejectedException">There is none, or it is of another form: the task can never succeed.</exception>
    public TResult? Get<TResult>(int index)
    {
        if (index < 0 || index >= Count)
        {
            throw new TaskRejectedException($"there is no earlier result {index}: {Count} tasks of its chain ran before it");
        }

        try
        {
            return _results[index].Deserialize((JsonTypeInfo<TResult>)_json!.GetTypeInfo(typeof(TResult)));
        }
        catch (JsonException misfit)
        {
            throw new TaskRejectedException($"the earlier result {index} is no {typeof(TResult).Name}: {misfit.Message}", misfit);
        }
    }

    /// <summary>Reads the result of the task right before.</summary>
    /// <inheritdoc cref="Get{TResult}"/>
    public TResult? Last<TResult>() => Get<TResult>(Count - 1);

    /// <inheritdoc/>
    public IEnumerator<JsonElement> GetEnumerator() => _results.GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
