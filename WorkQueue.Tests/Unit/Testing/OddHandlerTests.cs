using System.Reflection;
using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>Whatever a handler throws is what becomes of its task.</summary>
public sealed class OddHandlerTests
{
    public static TheoryData<string, TaskState, int, string> Handlers => new()
    {
        { "message throws", TaskState.DeadLettered, 2, "(MessageThrows, whose Message throws)" },
        { "message is null", TaskState.DeadLettered, 2, "" },
        { "rejection among others", TaskState.DeadLettered, 1, "never" },
        { "rejection deep among others", TaskState.DeadLettered, 1, "never" },
        { "rejection by reflection", TaskState.DeadLettered, 1, "never" },
        { "rejection by a type initialiser", TaskState.DeadLettered, 1, "never" },
        { "retry among others", TaskState.DeadLettered, 2, "later" },
        { "rejection and retry", TaskState.DeadLettered, 1, "never" },
        { "rejection as a cause", TaskState.DeadLettered, 2, "outer" },
        { "many", TaskState.DeadLettered, 2, "One or more errors occurred. (one) (two)" },
        { "dispose throws", TaskState.Succeeded, 1, "" },
        { "dispose throws after a failure", TaskState.DeadLettered, 2, "its own" },
        { "dispose throws after a rejection", TaskState.DeadLettered, 1, "never" },
        { "dispose throws, and its message too", TaskState.Succeeded, 1, "" },
    };

    [Theory]
    [MemberData(nameof(Handlers))]
    public async Task What_it_throws_decides(string kind, TaskState state, int runs, string text)
    {
        int run = 0;
        await using TestTaskQueue queue = new(
            services =>
            {
                services.AddScoped<OddService>();
                services.AddTaskHandler("odd", (string odd, TaskContext context) =>
                {
                    run++;
                    context.Services.GetRequiredService<OddService>().Kind = odd;
                    return Run(odd);
                });
            },
            options => options.Retry.Delays = [TimeSpan.FromSeconds(1)]);
        EnqueuedTask task = await queue.EnqueueAsync(NewTask.Json("odd", kind));
        await queue.AdvanceAsync(TimeSpan.FromMinutes(1));
        TestTask ended = queue[task.Id];
        Assert.Equal((state, runs), (ended.State, run));
        if (state == TaskState.DeadLettered)
        {
            Assert.Contains(text, $"{ended.Reason} {ended.Error}", StringComparison.Ordinal);
        }
    }

    private static Task Run(string kind) => kind switch
    {
        "message throws" => throw new MessageThrows(),
        "message is null" => throw new MessageIsNull(),
        "rejection among others" => throw new AggregateException(new InvalidOperationException("one"), new TaskRejectedException("never")),
        "rejection deep among others" => throw new AggregateException(new AggregateException(new TaskRejectedException("never"))),
        "rejection by reflection" => (Task)typeof(OddHandlerTests).GetMethod(nameof(Reject), BindingFlags.NonPublic | BindingFlags.Static)!.Invoke(null, null)!,
        "rejection by a type initialiser" => throw new TypeInitializationException("T", new TaskRejectedException("never")),
        "retry among others" => throw new AggregateException(new TaskRetryException("later", TimeSpan.FromSeconds(2))),
        "rejection and retry" => throw new AggregateException(new TaskRetryException("later", TimeSpan.FromSeconds(2)), new TaskRejectedException("never")),
        "rejection as a cause" => throw new InvalidOperationException("outer", new TaskRejectedException("never")),
        "many" => throw new AggregateException(new InvalidOperationException("one"), new InvalidOperationException("two")),
        "dispose throws after a failure" => throw new InvalidOperationException("its own"),
        "dispose throws after a rejection" => throw new TaskRejectedException("never"),
        _ => Task.CompletedTask,
    };

    private static Task Reject() => throw new TaskRejectedException("never");

    private sealed class OddService : IDisposable
    {
        public string Kind { get; set; } = "";

        public void Dispose()
        {
            if (Kind.StartsWith("dispose throws", StringComparison.Ordinal))
            {
                throw Kind.EndsWith("message too", StringComparison.Ordinal) ? new MessageThrows() : new InvalidOperationException("disposed of");
            }
        }
    }

#pragma warning disable CA1032, CA1064, CA1065 // As odd as users' code may be.
    private sealed class MessageThrows : Exception
    {
        public override string Message => throw new NotSupportedException();
    }

    private sealed class MessageIsNull : Exception
    {
        public override string Message => null!;
    }
#pragma warning restore CA1032, CA1064, CA1065
}
