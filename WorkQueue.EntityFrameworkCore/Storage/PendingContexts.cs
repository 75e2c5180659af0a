using System.Runtime.CompilerServices;
using Microsoft.EntityFrameworkCore;

namespace WorkQueue.EntityFrameworkCore.Storage;

/// <summary>Contexts in which something was enqueued that is not committed yet: not every change of a program wakes the relay.</summary>
internal sealed class PendingContexts
{
    private readonly ConditionalWeakTable<DbContext, object> _contexts = [];

    public void Add(DbContext context) => _contexts.AddOrUpdate(context, context.ContextId);

    /// <summary>Whether it was among them; it is no longer.</summary>
    public bool Remove(DbContext? context) => context is not null && _contexts.Remove(context);
}
