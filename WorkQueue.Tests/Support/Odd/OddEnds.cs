using WorkQueue.Messaging;

namespace WorkQueue.Tests.Support.Odd;

/// <summary>Handlers that are told to stop, by their time.</summary>
internal static class OddEnds
{
    public static IReadOnlyList<OddHandler> All { get; } =
    [
        TimesOut("stops when it is told", context => Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken)),
        TimesOut("stops with a fault in who listens", async context =>
        {
            await using CancellationTokenRegistration odd = context.CancellationToken.Register(() => throw new InvalidOperationException("who listens"));
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken);
        }),
        TimesOut("does not listen", async context =>
        {
            await ToldAsync(context);
            await Task.Delay(OddHandler.BeyondGrace, TimeProvider.System);
        }),
        TimesOut("blocks and does not listen", context =>
        {
            OddHandler.BlockBeyondGrace(context);
            return Task.CompletedTask;
        }),
        new("fails when it is told to stop", FailsAsync, TaskState.DeadLettered, 2, "the client was closed") { Type = OddHandler.Short },
        new("has done it when it is told to stop", ReturningNull(ToldAsync)) { Type = OddHandler.Short },
    ];

    private static OddHandler TimesOut(string name, Func<TaskContext, Task> runAsync) => new(name, ReturningNull(runAsync), TaskState.DeadLettered, 2, $"The attempt ran longer than {OddHandler.Limit}")
    {
        Type = OddHandler.Short,
    };

    private static Func<TaskContext, Task<object?>> ReturningNull(Func<TaskContext, Task> runAsync) => async context =>
    {
        await runAsync(context);
        return null;
    };

    private static async Task<object?> FailsAsync(TaskContext context)
    {
        await ToldAsync(context);
        throw new InvalidOperationException("the client was closed");
    }

    private static async Task ToldAsync(TaskContext context) =>
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.CancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
}
