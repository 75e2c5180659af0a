using System.Diagnostics;
using System.Globalization;
using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Batches;

/// <summary>Reads the batches here, has the leader change them, and enqueues their members itself.</summary>
internal sealed class BatchClient(ILeaderCommands leader, BatchBook book, BatchRules rules, BatchMembers members, TimeProvider clock) : ITaskBatches
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(15);
    private static readonly TimeSpan TryAgain = TimeSpan.FromMilliseconds(500);

    public async Task<TaskBatch> EnqueueAsync(IReadOnlyList<NewTask> tasks, BatchOptions? options = null, CancellationToken cancellationToken = default)
    {
        rules.Check(tasks);
        TaskBatch batch = await OpenAsync(options ?? new BatchOptions(), closesWhenFilled: options?.StaysOpen != true, cancellationToken);
        try
        {
            IReadOnlyList<EnqueueResult> results = await AddAsync(batch.Id, tasks, BatchOrders.AllAtOnce, isWhole: true, cancellationToken);
            return results.FirstOrDefault(result => result.Error is not null) is { } failed
                ? throw failed.Error!
                : options?.StaysOpen == true ? Known(batch.Id) ?? batch : await CloseAsync(batch.Id, cancellationToken);
        }
        catch when (options?.Id is null)
        {
            // Nobody knows its id, to do the rest.
            await TryCancelAsync(batch.Id);
            throw;
        }
    }

    public Task<TaskBatch> OpenAsync(BatchOptions? options = null, CancellationToken cancellationToken = default) => OpenAsync(options ?? new BatchOptions(), closesWhenFilled: false, cancellationToken);

    private async Task<TaskBatch> OpenAsync(BatchOptions options, bool closesWhenFilled, CancellationToken cancellationToken)
    {
        rules.Check(options);
        DateTimeOffset now = clock.GetUtcNow();
        string id = options.Id ?? Guid.CreateVersion7(now).ToString();
        BatchStart start = new(options.Name, now, BatchTask.Of(options.OnSuccess), BatchTask.Of(options.OnComplete), Activity.Current?.Id, Activity.Current?.TraceStateString, closesWhenFilled);
        await AskAsync(BatchCommand.Open, new BatchCommand(id, start), Patience, cancellationToken);
        return Known(id) ?? new BatchRecord(id, start).ToView(now);
    }

    public async Task<IReadOnlyList<EnqueueResult>> AddAsync(string id, IReadOnlyList<NewTask> tasks, string? key = null, CancellationToken cancellationToken = default)
    {
        ArgumentNullException.ThrowIfNull(id);
        BatchRules.CheckKey(key);
        rules.Check(tasks);
        return await AddAsync(id, tasks, key, isWhole: false, cancellationToken);
    }

    // Of tasks that were checked. Of a whole batch that is enqueued at once none is left out: it is enqueued again, or cancelled.
    private async Task<IReadOnlyList<EnqueueResult>> AddAsync(string id, IReadOnlyList<NewTask> tasks, string? key, bool isWhole, CancellationToken cancellationToken)
    {
        if (tasks.Count == 0)
        {
            return [];
        }

        BatchCommand addition = new(id, Key: key ?? Guid.NewGuid().ToString("N"), IsNamed: key is not null, Count: tasks.Count);
        string answer = await AskAsync(BatchCommand.Add, addition, Patience, cancellationToken) ?? "";
        string[] said = answer.Split(' ');
        int first = int.Parse(said[0], CultureInfo.InvariantCulture);
        if (said is [_, BatchOrders.IsFilled])
        {
            return book.Find(id, batch => AddedBefore(batch, first, tasks)) ?? throw Unknown(id);
        }

        // What was refused now, an earlier try may have enqueued.
        IReadOnlyList<EnqueueResult> results = await members.EnqueueAsync(id, first, tasks, isAgain: said.Length > 1, cancellationToken);
        if (!results.Any(result => BatchMembers.IsUnknown(result) || (isWhole && result.Error is not null)))
        {
            int[] failed = [.. Enumerable.Range(0, results.Count).Where(index => results[index].Error is not null).Select(index => first + index)];
            await AskAsync(BatchCommand.Filled, addition with { Out = failed.Length == 0 ? null : failed }, 4 * Patience, cancellationToken);
        }

        return results;
    }

    public Task<TaskBatch> CloseAsync(string id, CancellationToken cancellationToken = default) => ChangeAsync(BatchCommand.Close, id, cancellationToken);

    public Task<TaskBatch> CancelAsync(string id, CancellationToken cancellationToken = default) => ChangeAsync(BatchCommand.Cancel, id, cancellationToken);

    public async Task<TaskBatch?> FindAsync(string id, CancellationToken cancellationToken = default)
    {
        await leader.ReadyAsync(cancellationToken);
        return Known(id);
    }

    public async Task<IReadOnlyList<TaskBatch>> ListAsync(CancellationToken cancellationToken = default)
    {
        await leader.ReadyAsync(cancellationToken);
        return [.. book.All(clock.GetUtcNow()).OrderByDescending(batch => batch.Id, StringComparer.Ordinal)];
    }

    public async Task<IReadOnlyList<BatchMember>> MembersAsync(string id, TaskState state, int limit = 100, CancellationToken cancellationToken = default)
    {
        await leader.ReadyAsync(cancellationToken);
        return book.Find(id, batch => batch.Marks.With(BatchEnds.MarkOf(state)).Take(limit).Select(number => new BatchMember(id, number)).ToList()) ?? [];
    }

    private async Task<TaskBatch> ChangeAsync(string kind, string id, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(id);
        await AskAsync(kind, new BatchCommand(id), Patience, cancellationToken);
        return Known(id) ?? throw Unknown(id);
    }

    private async Task TryCancelAsync(string id)
    {
        try
        {
            await CancelAsync(id, CancellationToken.None);
        }
        catch (Exception failure) when (failure is BrokerUnavailableException or BatchRefusedException)
        {
            // What went wrong before is told; on the board it can be cancelled by hand.
        }
    }

    // A leader that ends is soon followed by another, and what is asked for twice is done once.
    private async Task<string?> AskAsync(string kind, BatchCommand command, TimeSpan patience, CancellationToken cancellationToken)
    {
        long start = clock.GetTimestamp();
        while (true)
        {
            try
            {
                LeaderAnswer answer = await leader.AskAsync(kind, command.Write(), cancellationToken);
                return answer.Refusal is { } refusal ? throw BatchRefusals.Read(refusal) : answer.Text;
            }
            catch (BrokerUnavailableException) when (clock.GetElapsedTime(start) < patience)
            {
                await Task.Delay(TryAgain, clock, cancellationToken);
            }
        }
    }

    private TaskBatch? Known(string id) => book.Find(id, batch => batch.ToView(clock.GetUtcNow()));

    private List<EnqueueResult> AddedBefore(BatchRecord batch, int first, IReadOnlyList<NewTask> tasks)
    {
        DateTimeOffset now = clock.GetUtcNow();
        return [.. tasks.Select((task, index) => Of(task, TaskBatch.IdOf(batch.Id, first + index), batch.Marks[first + index] == BatchMarks.MemberMark.Out))];

        EnqueueResult Of(NewTask task, string id, bool isOut) => isOut
            ? new EnqueueResult(task, null, new TaskNotEnqueuedException(PublishOutcome.Refused, id, $"Task '{id}' was added by this key before, and the broker did not take it: it is no member. Add it by another key."))
            : new EnqueueResult(task, new EnqueuedTask(id, task.NotBefore > now || task.Delay > TimeSpan.Zero ? TaskState.Scheduled : TaskState.Queued), null);
    }

    private static BatchRefusedException Unknown(string id) => BatchRefusals.Read(BatchRefusals.Unknown(id));
}
