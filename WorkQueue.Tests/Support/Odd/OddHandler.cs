using Microsoft.Extensions.DependencyInjection;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Support.Odd;

/// <summary>What a handler may do, and what is to become of its task: at most one retry.</summary>
/// <param name="Name">What it does.</param>
/// <param name="HandleAsync">Does it.</param>
/// <param name="State">How its task ends.</param>
/// <param name="Runs">How often it runs.</param>
/// <param name="Text">What is told of that: part of the reason and error of a dead letter, or of why a result was not kept.</param>
internal sealed record OddHandler(string Name, Func<TaskContext, Task<object?>> HandleAsync, TaskState State = TaskState.Succeeded, int Runs = 1, string Text = "")
{
    /// <summary>The type of those that may run for <see cref="Limit"/>.</summary>
    public const string Short = "odd-short";

    /// <summary>The type of all others.</summary>
    public const string Plain = "odd";

    // Before the list, which tells of it.
    public static readonly TimeSpan Limit = TimeSpan.FromMilliseconds(200);

    /// <summary>Longer than its worker waits for one that was told to stop.</summary>
    public static readonly TimeSpan BeyondGrace = 10 * Limit;

    public static IReadOnlyList<OddHandler> All { get; } = [.. OddFailures.All, .. OddResults.All, .. OddManners.All, .. OddEnds.All];

    public static OddHandler Of(string name) => All.Single(odd => odd.Name == name);

    /// <summary>The type of its task.</summary>
    public string Type { get; init; } = Plain;

    /// <summary>Registers all of them; <paramref name="started"/> is told the name of each that runs.</summary>
    public static void Add(IServiceCollection services, Action<string> started)
    {
        services.AddScoped<OddService>();
        foreach (string type in (string[])[Plain, Short])
        {
            services.AddTaskHandler(type, (string name, TaskContext context) =>
            {
                started(name);
                context.Services.GetRequiredService<OddService>().Kind = name;
                return Of(name).HandleAsync(context);
            });
        }
    }

    /// <summary>Keeps its thread.</summary>
    public static void Block(TimeSpan time)
    {
        using ManualResetEventSlim never = new();
        never.Wait(time, CancellationToken.None);
    }

    /// <summary>Keeps its thread when it is told to stop, too.</summary>
    public static void BlockBeyondGrace(TaskContext context)
    {
        context.CancellationToken.WaitHandle.WaitOne();
        Block(BeyondGrace);
    }

    public static Func<TaskContext, Task<object?>> Does(Action<TaskContext> act) => context =>
    {
        act(context);
        return Task.FromResult<object?>(null);
    };
}

/// <summary>A dependency that fails when it is disposed of.</summary>
internal sealed class OddService : IDisposable
{
    public string Kind { get; set; } = "";

    public void Dispose()
    {
        if (Kind.StartsWith("dispose throws", StringComparison.Ordinal))
        {
            throw Kind.EndsWith("message too", StringComparison.Ordinal) ? new MessageThrowsException() : new InvalidOperationException("disposed of");
        }
    }
}
