using System.Text.Json;
using WorkQueue.Messaging;

namespace WorkQueue.Testing;

/// <summary>How an attempt ended that <see cref="TaskTest"/> ran.</summary>
public class TaskTestResult
{
    private readonly TestTask _task;

    internal TaskTestResult(TestTask task, TimeSpan? retryAfter, IReadOnlyList<TestTask> enqueued) => (_task, RetryAfter, Enqueued) = (task, retryAfter, enqueued);

    /// <summary>
    /// What has become of the task: <see cref="TaskState.Succeeded"/>, <see cref="TaskState.Retrying"/>, <see cref="TaskState.DeadLettered"/>, or, where the attempt was
    /// cut short by the test's token, <see cref="TaskState.Queued"/>: it runs again as the same attempt.
    /// </summary>
    public TaskState State => _task.State;

    /// <summary>After how long it is tried again; null where it is not.</summary>
    public TimeSpan? RetryAfter { get; }

    /// <summary>Why it did not succeed; null where it did.</summary>
    public string? Reason => _task.Reason;

    /// <summary>What the handler threw; null where it did not.</summary>
    public Exception? Exception => _task.Exception;

    /// <summary>What the handler reported by <see cref="TaskContext.ReportProgress"/>.</summary>
    public IReadOnlyList<(int Percent, string? Text)> Progress => _task.Progress;

    /// <summary>What the handler enqueued, in order. None of it is run.</summary>
    public IReadOnlyList<TestTask> Enqueued { get; }

    /// <inheritdoc cref="TestTask.ReadResult{TResult}"/>
    public TResult? ReadResult<TResult>() => _task.ReadResult<TResult>();

    /// <summary>The task in a line, for the message of a test that fails.</summary>
    public override string ToString() => _task.ToString();
}

/// <summary>How an attempt ended whose handler says what it returns.</summary>
/// <typeparam name="TResult">The result.</typeparam>
public sealed class TaskTestResult<TResult> : TaskTestResult
{
    internal TaskTestResult(TestTask task, TimeSpan? retryAfter, IReadOnlyList<TestTask> enqueued)
        : base(task, retryAfter, enqueued)
    {
    }

    /// <summary>The result, as whoever calls the task reads it: written as JSON and read back.</summary>
    /// <exception cref="InvalidOperationException">The task has not succeeded, or its result cannot be written as JSON.</exception>
    /// <exception cref="JsonException">What was written cannot be read back.</exception>
    public TResult? Result => ReadResult<TResult>();
}
