using Microsoft.EntityFrameworkCore;
using WorkQueue.EntityFrameworkCore;

namespace Outbox;

public sealed class Shop(DbContextOptions<Shop> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.AddTaskOutbox();
}

public sealed class Order
{
    public int Id { get; set; }

    public required string Number { get; set; }

    public required string InvoiceTask { get; set; }
}
