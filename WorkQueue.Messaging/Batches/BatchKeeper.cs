using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Batches;

/// <summary>What the program that leads does for the batches: it counts the members that have ended, and has enqueued what follows.</summary>
internal sealed class BatchKeeper : ILeaderDuty
{
    private readonly BatchBook _book;
    private readonly WorkingBatches _batches = new();
    private readonly BatchOrders _orders;
    private readonly BatchSteps _steps;

    public BatchKeeper(BatchBook book, ControlWriter control, WorkQueueTelemetry telemetry, TimeProvider clock, ILogger<BatchKeeper> logger)
    {
        _book = book;
        _orders = new BatchOrders(_batches, clock);
        _steps = new BatchSteps(_batches, control, telemetry, clock, logger);
    }

    public void Read(LeaderEntry entry) => _book.Read(entry);

    public void Forget() => _book.Forget();

    public void Begin()
    {
        _batches.Begin(_book.ForLeader());
        _steps.Begin();
    }

    public string? ThingOf(LeaderEntry command) => !command.Kind.StartsWith("batch.", StringComparison.Ordinal) ? null
        : $"batch {(command.Kind == BatchCommand.Ended ? BatchMark.ReadName(command.FirstText())?.BatchId : command.FirstText())}";

    public Task<DateTimeOffset?> WorkAsync(ILeaderSession session, CancellationToken stopping) => _steps.TakeAsync(session, stopping);

    public Task WriteAllAsync(ILeaderSession session) => _batches.WriteAllAsync(session);

    public async Task<IReadOnlyList<LeaderAnswer>> ObeyAsync(IReadOnlyList<LeaderEntry> commands, ILeaderSession session)
    {
        List<LeaderAnswer> answers = [];
        List<TaskEnd> ends = [];
        foreach (LeaderEntry command in commands)
        {
            if (command.Kind == BatchCommand.Ended)
            {
                if (TaskEnd.Read(command.Body) is { } end)
                {
                    ends.Add(end);
                }

                answers.Add(default);
                continue;
            }

            await EndAsync(ends, session);
            ends.Clear();
            answers.Add(BatchCommand.Read(command.Body) is { } asked
                ? await _orders.ObeyAsync(command.Kind, asked, session)
                : new LeaderAnswer(Refusal: LeaderDuties.Unreadable));
        }

        await EndAsync(ends, session);
        return answers;
    }

    private async Task EndAsync(List<TaskEnd> ends, ILeaderSession session)
    {
        if (ends.Count > 0 && BatchMark.ReadName(ends[0].Name) is { } member && _batches.Find(member.BatchId) is { } batch && BatchEnds.Of(batch, ends) is { } change)
        {
            await WorkingBatches.ChangeAsync(batch, change, session);
        }
    }
}
