using WorkQueue.Messaging.History;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>The run of a task that goes on in a slot.</summary>
#pragma warning disable CA1001 // The source is never disposed of: a handler that does not stop may hold its token for as long as it likes.
internal sealed class TaskRun(TaskMessage message, DateTimeOffset startedAt, long start) : IProgressReport
#pragma warning restore CA1001
{
    private readonly CancellationTokenSource _end = new();
    private readonly TaskCompletionSource _left = new();
    private volatile bool _hasEnded;
    private volatile bool _isCancelled;
    private volatile bool _isTimedOut;
    private volatile bool _isWriting;
    private TaskProgress? _progress;
    private TimeSpan _limit = TimeSpan.MaxValue;

    /// <summary>The task, without its body: its buffer is another's when the run has ended.</summary>
    public TaskMessage Message => message with { Body = ReadOnlyMemory<byte>.Empty };

    public DateTimeOffset StartedAt { get; } = startedAt;

    /// <summary>Told of each report of its progress, for who wants more than the last.</summary>
    public Action<TaskProgress>? Reported { get; init; }

    /// <summary>Whose handlers may begin on the thread of the one before (<see cref="HandlerThread"/>), where a slot is given several tasks at once; else null.</summary>
    public object? Slot { get; init; }

    /// <summary>Whether the history knows of it already.</summary>
    public bool IsRecorded { get; set; }

    /// <summary>Cancelled when the run is to end early, for whatever reason.</summary>
    public CancellationToken Token => _end.Token;

    /// <summary>Somebody cancelled the task.</summary>
    public bool IsCancelled => _isCancelled;

    /// <summary>It has run for too long.</summary>
    public bool IsTimedOut => _isTimedOut;

    /// <summary>Completes when its handler has ended, or when it is cut; once for both is less than to wait for a task and a token.</summary>
    public Task Left => _left.Task;

    /// <summary>Its handler has ended, and its services with it.</summary>
    public bool HasEnded => _hasEnded;

    public void Cancel()
    {
        _isCancelled = true;
        Cut();
    }

    /// <summary>Its handler has returned, and its result is being written: whatever happens to that, the task is done.</summary>
    public bool IsWriting
    {
        get => _isWriting;
        set => _isWriting = value;
    }

    /// <summary>It may take so long.</summary>
    /// <param name="limit">How long.</param>
    /// <param name="timer">Has <see cref="TimeOut"/> called then.</param>
    public void Limit(TimeSpan limit, ITimer timer)
    {
        _limit = limit;
        timer.Change(limit, Timeout.InfiniteTimeSpan);
    }

    /// <summary>Ends it, unless the timer was still that of the run before it, which ended at that moment.</summary>
    public void TimeOut(TimeProvider clock)
    {
        if (clock.GetElapsedTime(start) > _limit / 2)
        {
            _isTimedOut = true;
            Cut();
        }
    }

    /// <summary>Ends it early: the broker took its task back, or the worker's time to drain is up.</summary>
    public void Cut()
    {
        Quiet.Cancel(_end);
        // On another thread too: what goes on then is not the caller's.
        ThreadPool.UnsafeQueueUserWorkItem(static run => run._left.TrySetResult(), this, preferLocal: false);
    }

    /// <summary>Its handler ends. What waits goes on within.</summary>
    public void End()
    {
        _hasEnded = true;
        _left.TrySetResult();
    }

    public void Report(int percent, string? text)
    {
        TaskProgress progress = new(percent, text);
        Volatile.Write(ref _progress, progress);
        Reported?.Invoke(progress);
    }

    /// <summary>The progress since the last call, or null.</summary>
    public TaskProgress? TakeProgress() => Interlocked.Exchange(ref _progress, null);
}
