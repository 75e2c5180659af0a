using System.Runtime.CompilerServices;
using System.Text.Json;
using System.Threading.Channels;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Unique;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Calls;

/// <summary>The queue as a program sees it: one task, many, a stream of them, or a call that waits for its result.</summary>
internal sealed class TaskClient(TaskPublisher publisher, UniqueClient unique, IReplies replies, PayloadCodec json, IOptions<WorkQueueOptions> options, TimeProvider clock) : ITaskQueue
{
    private static readonly TimeSpan LongestCall = TimeSpan.FromDays(1);

    public NewTask CreateTask<TPayload>(TPayload payload, TaskOptions? options = null) => NewTaskRules.Create(payload, options ?? new TaskOptions(), json);

    public Task<EnqueuedTask> EnqueueAsync(NewTask task, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        return task.Unique is { } key ? unique.EnqueueAsync(task, key, cancellationToken) : publisher.EnqueueAsync(task, null, cancellationToken);
    }

    public async Task<IReadOnlyList<EnqueueResult>> EnqueueManyAsync(IReadOnlyList<NewTask> tasks, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        if (tasks.Contains(null!))
        {
            throw new ArgumentException("One of the tasks is null; none was enqueued.", nameof(tasks));
        }

        EnqueueResult[] results = new EnqueueResult[tasks.Count];
        await Parallel.ForAsync(0, tasks.Count, Window(cancellationToken), async (index, token) => results[index] = await TryEnqueueAsync(tasks[index], token));
        return results;
    }

    public async IAsyncEnumerable<EnqueueResult> EnqueueAllAsync(IAsyncEnumerable<NewTask> tasks, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(tasks);
        using CancellationTokenSource left = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Channel<EnqueueResult> results = Channel.CreateBounded<EnqueueResult>(new BoundedChannelOptions(options.Value.PublishWindow) { SingleReader = true });
        Task pump = PumpAsync(tasks, results.Writer, left.Token);
        try
        {
            await foreach (EnqueueResult result in results.Reader.ReadAllAsync(cancellationToken))
            {
                yield return result;
            }
        }
        finally
        {
            await left.CancelAsync();
            await pump.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    public async Task<TResult> CallAsync<TResult>(NewTask task, TimeSpan timeout, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(task);
        if (task.Unique is not null)
        {
            throw new InvalidTaskException(InvalidTaskReason.Malformed, "A call has no key: its result is for who calls. Enqueue the task, or leave out Unique.");
        }

        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(timeout, TimeSpan.Zero);
        ArgumentOutOfRangeException.ThrowIfGreaterThan(timeout, LongestCall);
        DateTimeOffset now = clock.GetUtcNow();
        string id = task.Id ?? Guid.CreateVersion7(now).ToString();
        NewTask call = task with { Id = id, Deadline = task.Deadline < now + timeout ? task.Deadline : now + timeout };
        using CancellationTokenSource late = new(timeout, clock);
        using CancellationTokenSource end = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, late.Token);
        try
        {
            using PendingCall pending = await replies.ExpectAsync(id, end.Token);
            Task<EnqueuedTask> enqueue = publisher.EnqueueAsync(call, new ReplyAddress(pending.ReplyTo, pending.Correlation), end.Token);
            // The reply, or the loss of its connection, may come before the confirm.
            if (await Task.WhenAny(enqueue, pending.Reply) == enqueue)
            {
                await enqueue;
            }

            return ResultOf<TResult>(await pending.Reply.WaitAsync(end.Token), id);
        }
        catch (TaskNotEnqueuedException lost) when (lost.Outcome == PublishOutcome.Unknown)
        {
            throw new CallFailedException(CallOutcome.Unknown, id, $"{lost.Message} Whether task {id} runs, and its outcome, is unknown. Look it up, or call again under the same id.", lost);
        }
        catch (OperationCanceledException) when (late.IsCancellationRequested && !cancellationToken.IsCancellationRequested)
        {
            throw new CallFailedException(
                CallOutcome.TimedOut, id, $"No reply to task {id} within {timeout}. If it has not been started it will not be; if it runs it goes on, and its reply is ignored.");
        }
    }

    private async Task PumpAsync(IAsyncEnumerable<NewTask> tasks, ChannelWriter<EnqueueResult> results, CancellationToken cancellationToken)
    {
        try
        {
            // Not the loop's own token: what is in flight when the source fails is told too.
            await Parallel.ForEachAsync(tasks, Window(cancellationToken), async (task, _) => await results.WriteAsync(await TryEnqueueAsync(task, cancellationToken), cancellationToken));
            results.Complete();
        }
#pragma warning disable CA1031 // What the source of the tasks throws is for the reader of the outcomes.
        catch (Exception failure)
#pragma warning restore CA1031
        {
            results.Complete(failure);
        }
    }

    private ParallelOptions Window(CancellationToken cancellationToken) => new() { MaxDegreeOfParallelism = options.Value.PublishWindow, CancellationToken = cancellationToken };

    private async Task<EnqueueResult> TryEnqueueAsync(NewTask task, CancellationToken cancellationToken)
    {
        try
        {
            return new EnqueueResult(task, await EnqueueAsync(task, cancellationToken), null);
        }
        catch (Exception error) when (error is InvalidTaskException or TaskNotEnqueuedException)
        {
            return new EnqueueResult(task, null, error);
        }
    }

    private TResult ResultOf<TResult>(Reply reply, string id)
    {
        if (reply.Reason is { } reason)
        {
            string error = reply.Error is null ? "" : $": {reply.Error}";
            throw new CallFailedException(CallOutcome.Failed, id, $"Task {id} failed: {reason}{error}") { RemoteErrorType = reply.ErrorType, RemoteError = reply.Error };
        }

        try
        {
            return json.ReadResult<TResult>(reply.Body.Span)!;
        }
        catch (Exception misfit) when (misfit is JsonException or NotSupportedException)
        {
            throw new CallFailedException(CallOutcome.Unreadable, id, $"Task {id} succeeded, and its result is no {typeof(TResult).Name}: {misfit.Message}", misfit);
        }
    }
}
