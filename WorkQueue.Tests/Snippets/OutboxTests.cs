using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

/// <summary>What docs/outbox.md shows, run.</summary>
[Collection(BrokerTests.Name)]
public sealed class OutboxTests(BrokerFixture broker)
{
    [OutboxFact]
    public async Task The_outbox_of_the_document_sends_the_task_of_an_order()
    {
        await using TestDatabase database = await TestDatabase.CreateEmptyAsync();
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder => AddServices(builder.Services, database.ConnectionString));
        await using AsyncServiceScope scope = host.Services.CreateAsyncScope();
        Bookshop shop = scope.ServiceProvider.GetRequiredService<Bookshop>();
        await shop.Database.EnsureCreatedAsync();
        // begin-snippet: outbox-enqueue
        shop.Orders.Add(new BookOrder { Number = "17" });
        string task = shop.Enqueue(new CountWords("…"), new TaskOptions { Delay = TimeSpan.FromMinutes(1) });
        await shop.SaveChangesAsync(); // Both, or neither; in a transaction of your own: when that is committed.
        // end-snippet
        await Eventually.TrueAsync(async () => !await shop.Set<OutboxTask>().AnyAsync(), "the task is sent");
        BasicGetResult? waiting = null;
        await using IChannel channel = await queue.PlainChannelAsync();
        for (int level = 0; level < 24 && waiting is null; level++)
        {
            waiting = await channel.BasicGetAsync($"{queue.Prefix}.delay.{level:00}", autoAck: true);
        }

        Assert.Equal(task, waiting?.BasicProperties.MessageId);

        // begin-snippet: outbox-retry
        await shop.Database.CreateExecutionStrategy().ExecuteAsync(async () =>
        {
            shop.ChangeTracker.Clear();
            await using var transaction = await shop.Database.BeginTransactionAsync();
            shop.Orders.Add(new BookOrder { Number = "18" });
            shop.Enqueue(new CountWords("…"));
            await shop.SaveChangesAsync();
            await transaction.CommitAsync();
        });
        // end-snippet
        await queue.TakeAsync("default");
    }

    private static void AddServices(IServiceCollection services, string connectionString)
    {
        // begin-snippet: outbox-services
        services.AddDbContext<Bookshop>(shop => shop.UseNpgsql(connectionString));
        services.AddTaskOutbox<Bookshop>(); // Sends what is committed, by the broker of ConnectionStrings:rabbitmq.
        // end-snippet
    }

    // begin-snippet: outbox-model
    public sealed class Bookshop(DbContextOptions<Bookshop> options) : DbContext(options)
    {
        public DbSet<BookOrder> Orders => Set<BookOrder>();

        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.AddTaskOutbox(); // The table TaskOutbox; then add a migration.
    }
    // end-snippet

    public sealed class BookOrder
    {
        public int Id { get; set; }

        public required string Number { get; set; }
    }
}
