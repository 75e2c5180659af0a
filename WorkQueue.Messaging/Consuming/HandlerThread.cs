using System.Diagnostics;
using System.Runtime.CompilerServices;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// A thread of the pool on which the handlers of a slot run one after the other: where the next task is there when one has ended, it need not wait for another
/// thread to wake, which is most of what a short one takes (docs/performance.md). A handler begins when all that is on the stack has returned, and so never within another.
/// </summary>
internal sealed class HandlerThread : IThreadPoolWorkItem
{
    // Then it goes back to the pool, where others wait for one.
    private static readonly TimeSpan Turn = TimeSpan.FromMilliseconds(1);

    [ThreadStatic]
    private static HandlerThread? _current;

    private TaskRun _run;
    private Action? _next;
    private string? _name;
    private long _since;

    private HandlerThread(TaskRun run, Action begin) => (_run, _next) = (run, begin);

    /// <summary>To be awaited: goes on on such a thread.</summary>
    /// <param name="run">The run whose handler begins then.</param>
    public static Place TakeAsync(TaskRun run) => new(run);

    public void Execute()
    {
        (_current, _since, _name) = (this, Stopwatch.GetTimestamp(), Thread.CurrentThread.Name);
        try
        {
            while (_next is { } begin)
            {
                _next = null;
                begin();
            }
        }
        finally
        {
            _current = null;
        }
    }

    private static void Begin(TaskRun run, Action begin)
    {
        HandlerThread? own = _current is { } here && here.IsAfterOneOf(run.Slot) ? here : null;
        if (own is { _next: null } && Stopwatch.GetElapsedTime(own._since) < Turn && own.IsAsItWas(Thread.CurrentThread))
        {
            (own._run, own._next) = (run, begin);
        }
        else
        {
            // Next on its own thread, which only lasts for what the slot holds: whatever brings it more is done by another. Else on any.
            ThreadPool.UnsafeQueueUserWorkItem(new HandlerThread(run, begin), preferLocal: own is not null);
        }
    }

    // A run that has not ended may yet block its thread, whoever's work comes to be on its stack; and below the end of another slot's run may be somebody who does.
    private bool IsAfterOneOf(object? slot) => _run.HasEnded && ReferenceEquals(_run.Slot, slot);

    // The pool puts right what a handler has made of its thread, when it has it back.
    private bool IsAsItWas(Thread thread) => thread is { Priority: ThreadPriority.Normal, IsBackground: true } && thread.Name == _name;

    internal readonly struct Place(TaskRun run) : ICriticalNotifyCompletion
    {
        public bool IsCompleted => false;

        public Place GetAwaiter() => this;

        public void GetResult()
        {
        }

        // Who awaits by the compiler brings his context along.
        public void OnCompleted(Action continuation) => Begin(run, continuation);

        public void UnsafeOnCompleted(Action continuation) => Begin(run, continuation);
    }
}
