using Microsoft.EntityFrameworkCore;

namespace WorkQueue.EntityFrameworkCore;

/// <summary>Adds the outbox to a model.</summary>
public static class TaskOutboxModelExtensions
{
    /// <summary>Adds the table of tasks that wait for the broker. Call it in <c>OnModelCreating</c>; then make a migration.</summary>
    /// <param name="model">The model.</param>
    /// <param name="table">The table. Default <c>TaskOutbox</c>.</param>
    /// <param name="schema">Its schema. Default that of the model.</param>
    public static ModelBuilder AddTaskOutbox(this ModelBuilder model, string table = "TaskOutbox", string? schema = null)
    {
        ArgumentNullException.ThrowIfNull(model);
        ArgumentException.ThrowIfNullOrWhiteSpace(table);
        return model.Entity<OutboxTask>(row =>
        {
            row.ToTable(table, schema);
            row.HasKey(task => task.Id);
            row.Property(task => task.TaskId).HasMaxLength(255);
            row.Property(task => task.Type).HasMaxLength(100);
            row.Property(task => task.Queue).HasMaxLength(100);
            row.Property(task => task.Sequence).HasMaxLength(400);
            // Whatever length a program's own convention gives to texts.
            row.Property(task => task.Error).HasMaxLength(-1);
            row.Property(task => task.Task).HasMaxLength(-1);
            row.Property(task => task.TraceParent).HasMaxLength(-1);
            row.Property(task => task.TraceState).HasMaxLength(-1);
            // By it the relay finds, among many, the few that were not taken.
            row.HasIndex(task => task.NextTryAt);
            // And by this one those that are in no sequence, while another relay sends those that are.
            row.HasIndex(task => new { task.SetAsideAt, task.Sequence, task.Id });
        });
    }
}
