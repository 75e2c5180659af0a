using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Npgsql;
using Outbox;
using WorkQueue.EntityFrameworkCore;

namespace WorkQueue.Tests.Support;

/// <summary>A database of a test's own, with the tables of the sample <c>Outbox</c>.</summary>
internal sealed class TestDatabase : IAsyncDisposable
{
    /// <summary>So that only what wakes the relay can send in time.</summary>
    public static readonly Action<TaskOutboxOptions> WokenOnly = options => options.PollInterval = TimeSpan.FromMinutes(1);

    private readonly PostgresServer _server;
    private readonly string _name = $"t{Guid.NewGuid():N}";

    private TestDatabase(PostgresServer server) => _server = server;

    public string ConnectionString => _server.ConnectionString(_name);

    /// <summary>One without tables.</summary>
    public static async Task<TestDatabase> CreateEmptyAsync()
    {
        TestDatabase database = new(await PostgresServer.SharedAsync());
        await database._server.RunAsync($"CREATE DATABASE {database._name}");
        return database;
    }

    public static async Task<TestDatabase> CreateAsync()
    {
        TestDatabase database = await CreateEmptyAsync();
        await using Shop shop = database.Open();
        await shop.Database.EnsureCreatedAsync();
        return database;
    }

    /// <summary>A context to look with: it knows no task queue.</summary>
    public Shop Open() => new(new DbContextOptionsBuilder<Shop>().UseNpgsql(ConnectionString).Options);

    /// <summary>Adds the context to a program, and the relay if it is to have one.</summary>
    public void AddTo(IHostApplicationBuilder builder, Action<TaskOutboxOptions>? relay)
    {
        builder.Services.AddDbContext<Shop>(options => options.UseNpgsql(ConnectionString));
        if (relay is not null)
        {
            builder.Services.AddTaskOutbox<Shop>(relay);
        }
    }

    /// <summary>Starts a program with a relay.</summary>
    public Task<IHost> StartAsync(TestQueue queue, Action<TaskOutboxOptions> relay) => queue.StartAsync(builder => AddTo(builder, relay));

    /// <summary>Enqueues in a transaction of its own.</summary>
    public static async Task<string> EnqueueAsync(IHost host, Func<Shop, string> enqueue)
    {
        string id = "";
        await InContextAsync(host, async shop =>
        {
            id = enqueue(shop);
            await shop.SaveChangesAsync();
        });
        return id;
    }

    public static async Task InContextAsync(IHost host, Func<Shop, Task> work)
    {
        await using AsyncServiceScope scope = host.Services.CreateAsyncScope();
        await work(scope.ServiceProvider.GetRequiredService<Shop>());
    }

    /// <summary>Rows of the outbox.</summary>
    public async Task<OutboxTask[]> RowsAsync()
    {
        await using Shop shop = Open();
        return await shop.Set<OutboxTask>().AsNoTracking().OrderBy(row => row.Id).ToArrayAsync();
    }

    public async Task EmptyAsync(TimeSpan? within = null)
    {
        await using Shop shop = Open();
        await Eventually.TrueAsync(async () => !await shop.Set<OutboxTask>().AnyAsync(), "the outbox is empty", within);
    }

    public async Task RunAsync(FormattableString statement)
    {
        await using Shop shop = Open();
        await shop.Database.ExecuteSqlAsync(statement);
    }

    public async ValueTask DisposeAsync()
    {
        await using (NpgsqlConnection connection = new(ConnectionString))
        {
            NpgsqlConnection.ClearPool(connection);
        }

        await _server.RunAsync($"DROP DATABASE {_name} WITH (FORCE)");
    }
}

/// <summary>A test with PostgreSQL and a broker of its own.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OwnedOutboxFactAttribute : FactAttribute
{
    public OwnedOutboxFactAttribute() => Skip = OwnedBroker.Missing ?? PostgresServer.Missing;
}

/// <summary>A test with a broker and PostgreSQL.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class OutboxFactAttribute : FactAttribute
{
    public OutboxFactAttribute() => Skip = (TestEnvironment.ExternalBroker is null ? OwnedBroker.Missing : null) ?? PostgresServer.Missing;
}
