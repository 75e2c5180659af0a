using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.EntityFrameworkCore.Storage;

namespace WorkQueue.EntityFrameworkCore.Storage;

/// <summary>The table as a context has it: its name and columns may be of the program's own convention.</summary>
internal sealed class OutboxTable
{
    private const string Postgres = "Npgsql.EntityFrameworkCore.PostgreSQL";

    // What that provider says of a column, by the names of its own type.
    private const string Strategy = "Npgsql:ValueGenerationStrategy";

    private readonly IEntityType _rows;
    private readonly StoreObjectIdentifier _store;
    private readonly ISqlGenerationHelper _sql;

    private OutboxTable(IEntityType rows, ISqlGenerationHelper sql)
    {
        (_rows, _sql) = (rows, sql);
        _store = StoreObjectIdentifier.Create(rows, StoreObjectType.Table)!.Value;
    }

    /// <summary>Its name, quoted.</summary>
    public string Name => _sql.DelimitIdentifier(_store.Name, _store.Schema);

    /// <summary>A column, quoted.</summary>
    public string this[string property] => _sql.DelimitIdentifier(_rows.FindProperty(property)!.GetColumnName(_store)!);

    /// <exception cref="InvalidOperationException">The model of the context has no outbox.</exception>
    public static OutboxTable Of(DbContext context) => new(
        context.Model.FindEntityType(typeof(OutboxTask)) ?? throw new InvalidOperationException(
            $"The model of {context.GetType().Name} has no outbox: call modelBuilder.AddTaskOutbox() in its OnModelCreating, and add a migration."),
        context.GetService<ISqlGenerationHelper>());

    /// <summary>The same for a relay, which locks rows in a way that not every database has.</summary>
    /// <exception cref="InvalidOperationException">The model has no outbox, the database is another, or does not number the rows.</exception>
    public static OutboxTable ForRelay(DbContext context)
    {
        if (context.Database.ProviderName != Postgres)
        {
            throw new InvalidOperationException(
                $"The relay of the outbox of {context.GetType().Name} cannot work on {context.Database.ProviderName}: it is written for, and tested on, PostgreSQL alone ({Postgres}). "
                + "Use that provider for this context.");
        }

        OutboxTable table = Of(context);
        string? strategy = table._rows.FindProperty(nameof(OutboxTask.Id))!.FindAnnotation(Strategy)?.Value?.ToString();
        return strategy is "IdentityByDefaultColumn" or "IdentityAlwaysColumn" or "SerialColumn" or "Sequence" ? table : throw new InvalidOperationException(
            $"The relay of the outbox of {context.GetType().Name} cannot keep tasks in order: the column {nameof(OutboxTask.Id)} of {table.Name} is numbered by {strategy ?? "nobody"}, not by the database at the insert. "
            + "Call modelBuilder.Entity<OutboxTask>().Property(task => task.Id).UseIdentityByDefaultColumn() after AddTaskOutbox(), and add a migration.");
    }
}
