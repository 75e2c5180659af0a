using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Metadata;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using Microsoft.Extensions.Time.Testing;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.EntityFrameworkCore.Relaying;
using WorkQueue.EntityFrameworkCore.Storage;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit;

/// <summary>The rows of an outbox, as the model of a program has them, and what the relay keeps in memory; no database is asked.</summary>
public sealed class OutboxModelTests
{
    [Fact]
    public void Tasks_of_one_key_of_which_the_newest_holds_are_a_sequence()
    {
        using IHost host = Build<First.Shop>();
        using IServiceScope scope = host.Services.CreateScope();
        First.Shop shop = scope.ServiceProvider.GetRequiredService<First.Shop>();
        (string Key, UniqueRule Then)[] tasks = [("a", UniqueRule.Replace), ("a", UniqueRule.Debounce), ("b", UniqueRule.Replace), ("a", UniqueRule.Skip)];
        foreach ((string key, UniqueRule then) in tasks)
        {
            shop.Enqueue("t", "", new TaskOptions { Unique = new UniqueOptions { Key = key, Then = then }, Delay = TimeSpan.FromMinutes(1) });
        }

        string?[] sequences = [.. shop.ChangeTracker.Entries<OutboxTask>().Select(row => row.Entity.Sequence)];
        Assert.StartsWith("unique\n", sequences[0], StringComparison.Ordinal);
        Assert.Equal(sequences[0], sequences[1]);
        Assert.NotEqual(sequences[0], sequences[2]);
        Assert.Null(sequences[3]);
    }

    [Fact]
    public void Texts_of_any_length_fit_whatever_the_convention_of_the_program()
    {
        using IHost host = Build<First.Shop>();
        using IServiceScope scope = host.Services.CreateScope();
        IEntityType rows = scope.ServiceProvider.GetRequiredService<First.Shop>().Model.FindEntityType(typeof(OutboxTask))!;
        Assert.Equal("character varying(100)", rows.FindProperty(nameof(OutboxTask.Type))!.GetColumnType());
        Assert.All(
            (string[])[nameof(OutboxTask.Task), nameof(OutboxTask.Error), nameof(OutboxTask.TraceParent), nameof(OutboxTask.TraceState)],
            name => Assert.Equal("text", rows.FindProperty(name)!.GetColumnType()));
    }

    [Fact]
    public async Task A_model_that_numbers_the_rows_itself_does_not_start()
    {
        using IHost host = Build<Numbered>();
        InvalidOperationException refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync());
        Assert.Contains("SequenceHiLo", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("UseIdentityByDefaultColumn()", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_that_leaves_the_numbers_to_the_database_is_taken()
    {
        using IHost host = Build<First.Shop>();
        using IServiceScope scope = host.Services.CreateScope();
        Assert.Equal("\"TaskOutbox\"", OutboxTable.ForRelay(scope.ServiceProvider.GetRequiredService<First.Shop>()).Name);
    }

    [Fact]
    public void Two_contexts_of_one_name_have_a_health_check_each()
    {
        using IHost host = Build<First.Shop>(services => Add<Second.Shop>(services));
        string[] names = [.. host.Services.GetRequiredService<IOptions<HealthCheckServiceOptions>>().Value.Registrations.Select(check => check.Name).Where(name => name.StartsWith("outbox-", StringComparison.Ordinal))];
        Assert.Equal(["outbox-Shop", $"outbox-{typeof(Second.Shop).FullName}"], names);
        Assert.Equal(typeof(Second.Shop).FullName, host.Services.GetRequiredService<Outbox<Second.Shop>>().Name);
    }

    [Fact]
    public void A_queue_that_takes_nothing_is_left_out_for_longer_and_longer_until_it_takes_one()
    {
        FakeTimeProvider clock = new();
        QueuePauses pauses = new(clock);
        SendOutcome refused = new SendOutcome.Refused("full", IsOfQueue: true);
        Assert.False(Learn(pauses, TimeSpan.FromSeconds(30), ("a", refused), ("a", new SendOutcome.Sent()), ("b", new SendOutcome.Refused("odd", IsRule: true)), ("c", new SendOutcome.Sent())));
        Assert.Equal(["a"], pauses.All);
        clock.Advance(TimeSpan.FromSeconds(0.2));
        Assert.Equal(["a"], pauses.Due);

        // What took half a minute is not tried again before the others had as long.
        Learn(pauses, TimeSpan.FromSeconds(30), ("a", refused));
        clock.Advance(TimeSpan.FromSeconds(29));
        Assert.Empty(pauses.Due);
        clock.Advance(TimeSpan.FromSeconds(1));
        Assert.Equal(["a"], pauses.Due);

        Assert.True(Learn(pauses, TimeSpan.Zero, ("a", new SendOutcome.Sent())));
        Assert.Empty(pauses.All);
    }

    private static bool Learn(QueuePauses pauses, TimeSpan took, params (string Queue, SendOutcome Outcome)[] sent) => pauses.Learn(
        [.. sent.Select((one, index) => new OutboxRow(index, "", "", one.Queue, null, 1, "", null, null, 0, 0))], [.. sent.Select(one => one.Outcome)], took, TimeSpan.FromMinutes(1));

    private static IHost Build<TContext>(Action<IServiceCollection>? more = null)
        where TContext : DbContext
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration["ConnectionStrings:rabbitmq"] = "amqp://127.0.0.1:1";
        Add<TContext>(builder.Services);
        more?.Invoke(builder.Services);
        return builder.Build();
    }

    private static void Add<TContext>(IServiceCollection services)
        where TContext : DbContext
    {
        services.AddDbContext<TContext>(options => options.UseNpgsql("Host=127.0.0.1;Port=1"));
        services.AddTaskOutbox<TContext>();
    }

    private static class First
    {
        internal sealed class Shop(DbContextOptions<Shop> options) : DbContext(options)
        {
            protected override void ConfigureConventions(ModelConfigurationBuilder configurationBuilder) => configurationBuilder.Properties<string>().HaveMaxLength(50);

            protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.AddTaskOutbox();
        }
    }

    private static class Second
    {
        internal sealed class Shop(DbContextOptions<Shop> options) : DbContext(options)
        {
            protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.AddTaskOutbox();
        }
    }

    private sealed class Numbered(DbContextOptions<Numbered> options) : DbContext(options)
    {
        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.UseHiLo().AddTaskOutbox();
    }
}
