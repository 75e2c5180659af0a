using System.Diagnostics;
using System.Globalization;
using static WorkQueue.Tests.Support.Odd.OddHandler;

namespace WorkQueue.Tests.Support.Odd;

/// <summary>Handlers that leave things in disorder, and do their work all the same.</summary>
internal static class OddManners
{
    /// <summary>The name of the trace that one of them leaves.</summary>
    public const string Trace = "somebody else's";

    private static readonly AsyncLocal<object?> Left = new();

    public static IReadOnlyList<OddHandler> All { get; } =
    [
        new("100,000 reports of progress", Does(context => Parallel.For(0, 100_000, number => context.ReportProgress(number / 1000, "going on")))),
        new("progress beyond its bounds", Does(context =>
        {
            context.ReportProgress(int.MinValue);
            context.ReportProgress(int.MaxValue, new string('x', 100_000));
            context.ReportProgress(50, "one\r\ntwo\0\ud800");
        })),
        new("progress after its end", Does(context => _ = Task.Run(async () =>
        {
            for (int percent = 0; percent < 100; percent++)
            {
                await Task.Yield();
                context.ReportProgress(percent);
            }
        }))),
        new("blocks its thread", Does(_ => Block(OddHandler.Limit))),
        new("fails beside itself", Does(context => _ = Task.Run(() => throw new InvalidOperationException($"nobody looks at {context.Id}")))),
        new("leaves a context that runs nothing", Does(_ => SynchronizationContext.SetSynchronizationContext(new RunsNothing()))),
        new("leaves another culture", Does(_ => CultureInfo.CurrentCulture = Comma())),
        new("leaves its thread slow", Does(_ => Thread.CurrentThread.Priority = ThreadPriority.Lowest)),
        new("leaves another trace", Does(_ => Activity.Current = new Activity(Trace).Start())),
        new("leaves what is local", Does(_ => Left.Value = new object())),
        new("disposes of its services", Does(context => ((IDisposable)context.Services).Dispose())),
        new("dispose throws", Does(_ => { })),
        new("dispose throws, and its message too", Does(_ => { })),
    ];

    private static CultureInfo Comma()
    {
        CultureInfo other = (CultureInfo)CultureInfo.InvariantCulture.Clone();
        other.NumberFormat.NumberDecimalSeparator = other.NumberFormat.NegativeSign = ",";
        return other;
    }

    private sealed class RunsNothing : SynchronizationContext
    {
        public override void Post(SendOrPostCallback d, object? state)
        {
        }

        public override void Send(SendOrPostCallback d, object? state)
        {
        }
    }
}
