using Microsoft.EntityFrameworkCore;
using WorkQueue.EntityFrameworkCore;

namespace Orders.Web;

public sealed class OrdersContext(DbContextOptions<OrdersContext> options) : DbContext(options)
{
    public DbSet<Order> Orders => Set<Order>();

    // The table of tasks that wait to be sent is in the same database, and so in the same transaction.
    protected override void OnModelCreating(ModelBuilder modelBuilder)
    {
        modelBuilder.AddTaskOutbox();
        modelBuilder.Entity<Order>().HasKey(order => order.Number);
    }
}

public sealed record Order(string Number, decimal Net);
