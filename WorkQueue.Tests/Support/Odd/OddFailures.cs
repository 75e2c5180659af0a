using System.Reflection;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Support.Odd;

/// <summary>Handlers that throw.</summary>
internal static class OddFailures
{
    public static IReadOnlyList<OddHandler> All { get; } =
    [
        Fails("throws", () => new InvalidOperationException("its own"), "its own"),
        new("throws after its first await", LateAsync, TaskState.DeadLettered, 2, "its own"),
        Fails("message throws", () => new MessageThrowsException(), "(MessageThrowsException, whose Message throws)"),
        Fails("message is null", () => new MessageIsNullException(), ""),
        Fails("all of it throws", () => new AllThrowsException(), "readable"),
        Fails("message of a megabyte", () => new InvalidOperationException(new string('x', 1024 * 1024)), "xxxx"),
        Fails("message of several lines", () => new InvalidOperationException("one\r\ntwo"), "one\r\ntwo"),
        Fails("message with a zero and half a character", () => new InvalidOperationException("a\0b\ud800"), "a\0b"),
        Fails("causes 1000 deep", Deep, "cause 1000"),
        Fails("many", () => new AggregateException(new InvalidOperationException("one"), new InvalidOperationException("two")), "One or more errors occurred. (one) (two)"),
        Fails("many of none", () => new AggregateException(), "One or more errors occurred."),
        Fails("out of memory", () => new InsufficientMemoryException("no memory"), "no memory"),
        Fails("a token of its own", () => new OperationCanceledException("somebody else's"), "somebody else's"),
        Fails("a client's timeout", () => new TaskCanceledException("the client waits no longer", new TimeoutException()), "the client waits no longer"),
        Fails("retry among others", () => new AggregateException(new TaskRetryException("later", TimeSpan.FromMilliseconds(50))), "later"),
        Fails("rejection as a cause", () => new InvalidOperationException("outer", new TaskRejectedException("never")), "outer"),
        new("no task at all", _ => null!, TaskState.DeadLettered, 2, "Object reference not set"),
        Rejects("rejects", () => new TaskRejectedException("never")),
        Rejects("rejection among others", () => new AggregateException(new InvalidOperationException("one"), new TaskRejectedException("never"))),
        Rejects("rejection deep among others", () => new AggregateException(new AggregateException(new TaskRejectedException("never")))),
        new("rejection by reflection", _ => (Task<object?>)typeof(OddFailures).GetMethod(nameof(Reject), BindingFlags.NonPublic | BindingFlags.Static)!.Invoke(null, null)!, TaskState.DeadLettered, 1, "never"),
        Rejects("rejection by a type initialiser", () => new TypeInitializationException("T", new TaskRejectedException("never"))),
        Rejects("rejection and retry", () => new AggregateException(new TaskRetryException("later", TimeSpan.FromSeconds(2)), new TaskRejectedException("never"))),
        Fails("dispose throws after a failure", () => new InvalidOperationException("its own"), "its own"),
        Rejects("dispose throws after a rejection", () => new TaskRejectedException("never")),
    ];

    private static OddHandler Fails(string name, Func<Exception> failure, string text) => new(name, _ => throw failure(), TaskState.DeadLettered, 2, text);

    private static OddHandler Rejects(string name, Func<Exception> failure) => new(name, _ => throw failure(), TaskState.DeadLettered, 1, "never");

    private static Task<object?> Reject() => throw new TaskRejectedException("never");

    private static async Task<object?> LateAsync(TaskContext context)
    {
        await Task.Yield();
        throw new InvalidOperationException("its own");
    }

    private static Exception Deep() => Enumerable.Range(0, 1001).Aggregate<int, Exception>(new InvalidOperationException("the first"), (cause, number) => new InvalidOperationException($"cause {number}", cause));
}

#pragma warning disable CA1032, CA1064, CA1065 // As odd as users' code may be.
internal sealed class MessageThrowsException : Exception
{
    public override string Message => throw new NotSupportedException();
}

internal sealed class MessageIsNullException : Exception
{
    public override string Message => null!;
}

internal sealed class AllThrowsException : Exception
{
    public override string Message => "readable";

    public override string? StackTrace => throw new NotSupportedException();

    public override System.Collections.IDictionary Data => throw new NotSupportedException();

    public override string ToString() => throw new NotSupportedException();

    public override Exception GetBaseException() => throw new NotSupportedException();
}
#pragma warning restore CA1032, CA1064, CA1065
