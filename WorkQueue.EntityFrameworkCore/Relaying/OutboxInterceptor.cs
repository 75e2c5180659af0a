using System.Data.Common;
using System.Transactions;
using Microsoft.EntityFrameworkCore.Diagnostics;
using WorkQueue.EntityFrameworkCore.Storage;

namespace WorkQueue.EntityFrameworkCore.Relaying;

/// <summary>Wakes the relay when what was enqueued is committed. A transaction that is committed past the context is seen by the next look at the table.</summary>
internal sealed class OutboxInterceptor(PendingContexts pending, OutboxSignal signal) : SaveChangesInterceptor, IDbTransactionInterceptor
{
    public override int SavedChanges(SaveChangesCompletedEventData eventData, int result)
    {
        Saved(eventData);
        return result;
    }

    public override ValueTask<int> SavedChangesAsync(SaveChangesCompletedEventData eventData, int result, CancellationToken cancellationToken = default)
    {
        Saved(eventData);
        return ValueTask.FromResult(result);
    }

    public void TransactionCommitted(DbTransaction transaction, TransactionEndEventData eventData) => Committed(eventData);

    public Task TransactionCommittedAsync(DbTransaction transaction, TransactionEndEventData eventData, CancellationToken cancellationToken = default)
    {
        Committed(eventData);
        return Task.CompletedTask;
    }

    private void Saved(SaveChangesCompletedEventData saved)
    {
        if (saved.Context is { Database.CurrentTransaction: null } && Transaction.Current is null)
        {
            Committed(saved);
        }
    }

    private void Committed(DbContextEventData committed)
    {
        if (pending.Remove(committed.Context))
        {
            signal.Set();
        }
    }
}
