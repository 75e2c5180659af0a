using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Support.Odd;

/// <summary>Handlers that return what is hard to write. Their tasks have succeeded, whatever becomes of it.</summary>
internal static class OddResults
{
    private const string Unwritable = "The result cannot be written as JSON";
    private const string TooLarge = "The result has more than";

    public static IReadOnlyList<OddHandler> All { get; } =
    [
        Returns("nothing", () => null),
        Returns("a number", () => 7),
        Returns("half a character", () => "\ud800"),
        Returns("an asynchronous sequence", () => CountAsync()),
        Returns("no number", () => double.NaN, Unwritable),
        Returns("a getter that throws", () => new Getter(() => throw new InvalidOperationException("not now")), Unwritable),
        Returns("a getter that throws what has no message", () => new Getter(() => throw new MessageThrowsException()), Unwritable),
        Returns("a cycle", () => new Cycle(), Unwritable),
        Returns("a function", () => (Action)(() => { }), Unwritable),
        Returns("a type", () => typeof(OddResults), Unwritable),
        Returns("JSON that is no value", () => default(JsonElement), Unwritable),
        Returns("JSON that is disposed of", () => Disposed(), Unwritable),
        Returns("a nest of 200", () => Enumerable.Range(0, 200).Aggregate<int, object>(0, (inner, _) => new[] { inner }), Unwritable),
        Returns("a sequence that throws", () => Enumerable.Range(0, 3).Select(number => number < 2 ? number : throw new InvalidOperationException("no more")), Unwritable),
        Returns("an endless sequence", () => Endless(), TooLarge),
        Returns("five megabytes", () => new string('x', 5 * 1024 * 1024), TooLarge),
        new("a getter that blocks", context => Task.FromResult<object?>(new Getter(() => Block(context))), Text: "The result was not written within the time of the task") { Type = OddHandler.Short },
    ];

    private static OddHandler Returns(string name, Func<object?> result, string text = "") => new(name, _ => Task.FromResult(result()), Text: text);

    private static int Block(TaskContext context)
    {
        OddHandler.BlockBeyondGrace(context);
        return 1;
    }

    private static JsonElement Disposed()
    {
        using JsonDocument document = JsonDocument.Parse("[1]");
        return document.RootElement;
    }

    private static IEnumerable<string> Endless()
    {
        while (true)
        {
            yield return "again";
        }
    }

    private static async IAsyncEnumerable<int> CountAsync()
    {
        yield return 1;
        await Task.Yield();
        yield return 2;
    }

    private sealed class Getter(Func<object> get)
    {
        public object Value => get();
    }

    private sealed class Cycle
    {
        public Cycle Self => this;
    }
}
