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
        : $"batch {(command.Kind == BatchCommand.Ended ? BatchOf(command) : BatchCommand.Read(command.Body)?.Id)}";

    public Task<DateTimeOffset?> WorkAsync(ILeaderSession session, CancellationToken stopping) => _steps.TakeAsync(session, stopping);

    public Task WriteAllAsync(ILeaderSession session) => _batches.WriteAllAsync(session);

    public async Task<IReadOnlyList<LeaderAnswer>> ObeyAsync(IReadOnlyList<LeaderEntry> commands, ILeaderSession session)
    {
        List<LeaderAnswer> answers = [];
        List<LeaderEntry> ends = [];
        foreach (LeaderEntry command in commands)
        {
            if (command.Kind == BatchCommand.Ended)
            {
                ends.Add(command);
                answers.Add(default);
                continue;
            }

            await EndAsync(ends, session);
            ends.Clear();
            answers.Add(BatchCommand.Read(command.Body) is { } asked
                ? await _orders.ObeyAsync(command.Kind, asked, session)
                : new LeaderAnswer(Refusal: "The program that leads cannot read it: it may be of an earlier version."));
        }

        await EndAsync(ends, session);
        return answers;
    }

    private async Task EndAsync(List<LeaderEntry> ends, ILeaderSession session)
    {
        if (ends.Count > 0 && BatchOf(ends[0]) is { } id && _batches.Find(id) is { } batch
            && BatchEnds.Of(batch, ends.Select(end => TaskEnd.Read(end.Body)).OfType<TaskEnd>()) is { } change)
        {
            await WorkingBatches.ChangeAsync(batch, change, session);
        }
    }

    private static string? BatchOf(LeaderEntry end) => TaskEnd.Read(end.Body) is { } read ? BatchMark.ReadName(read.Name)?.BatchId : null;
}
