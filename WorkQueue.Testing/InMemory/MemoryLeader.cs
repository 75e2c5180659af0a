using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Schedules;

namespace WorkQueue.Testing.InMemory;

/// <summary>Leads always: there is no other program. What a leader would write into its log is read at once.</summary>
#pragma warning disable CA1001 // A semaphore without a wait handle has nothing to dispose of.
internal sealed class MemoryLeader(MemoryBroker broker, TaskPublisher tasks, IEnumerable<ILeaderDuty> duties, IOptions<WorkQueueOptions> options) : ILeaderCommands, ILeaderSession
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _turn = new(1);
    private volatile bool _begun;

    public TaskPublisher Tasks => tasks;

    /// <summary>When something is due next; null where nothing is.</summary>
    public DateTimeOffset? NextDue { get; private set; }

    public Task WriteAsync(LeaderEntry entry)
    {
        foreach (ILeaderDuty duty in duties)
        {
            duty.Read(entry);
        }

        return Task.CompletedTask;
    }

    public Task ReplyAsync(string queue, LeaderEntry entry) => Task.CompletedTask;

    public Task<LeaderAnswer> AskAsync(string kind, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => InTurnAsync(() => duties.ObeyAsync(new LeaderEntry(kind, body, Guid.NewGuid().ToString("N")), this));

    public Task TellAsync(string kind, ReadOnlyMemory<byte> body, CancellationToken cancellationToken) => AskAsync(kind, body, cancellationToken);

    public Task ReadyAsync(CancellationToken cancellationToken) => InTurnAsync(() => Task.FromResult(default(LeaderAnswer)));

    /// <summary>Does what it was told by messages, and what is due.</summary>
    public Task WorkAsync() => InTurnAsync(async () =>
    {
        while (broker.ForLeader.TryDequeue(out LeaderEntry told))
        {
            await duties.ObeyAsync(told, this);
        }

        NextDue = await duties.WorkAsync(this, CancellationToken.None);
        return default;
    });

    private async Task<LeaderAnswer> InTurnAsync(Func<Task<LeaderAnswer>> turn)
    {
        await _turn.WaitAsync();
        try
        {
            if (!_begun)
            {
                foreach (ILeaderDuty duty in duties)
                {
                    duty.Begin();
                }

                foreach ((string name, ScheduleOptions schedule) in options.Value.Schedules)
                {
                    if ((await duties.ObeyAsync(new LeaderEntry(ScheduleEntry.Define, new ScheduleEntry(name, schedule).Write(), name), this)).Refusal is { } refusal)
                    {
                        throw new InvalidScheduleException(refusal);
                    }
                }

                _begun = true;
            }

            return await turn();
        }
        finally
        {
            _turn.Release();
        }
    }
}
