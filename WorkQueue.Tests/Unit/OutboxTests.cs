using System.Reflection;
using System.Text.Json;
using Microsoft.EntityFrameworkCore;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.EntityFrameworkCore.Storage;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit;

/// <summary>The outbox without a database.</summary>
public sealed class OutboxTests
{
    private static readonly NewTask Whole = new()
    {
        Type = "t",
        Body = JsonSerializer.SerializeToUtf8Bytes("a \"payload\" \0"),
        ContentType = "application/json",
        Queue = "q",
        Key = "k",
        Priority = TaskPriority.Low,
        Id = "id",
        NotBefore = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.FromHours(1)),
        Delay = TimeSpan.FromMilliseconds(1500),
        Deadline = new DateTimeOffset(2026, 1, 3, 0, 0, 0, TimeSpan.Zero),
        RunOf = "other",
        Unique = new UniqueOptions { Key = "u", For = TimeSpan.FromHours(2), Then = UniqueRule.Debounce, Limit = TimeSpan.FromHours(3) },
        Chain = new TaskChain { First = "first", Place = 2, Previous = [JsonElement.Parse("{\"a\":[1,null]}"), JsonElement.Parse("null")] },
        Then = [NewTask.Text("after it")],
    };

    [Fact]
    public void A_row_holds_all_that_a_task_can_have()
    {
        // A property that is new is to be set above.
        Assert.All(typeof(NewTask).GetProperties(BindingFlags.Public | BindingFlags.Instance), property => Assert.NotEqual(property.GetValue(NewTask.Text("")), property.GetValue(Whole)));
        string text = TaskJson.Write(Whole);
        Assert.Equal(text, TaskJson.Write(TaskJson.Read(TaskJson.Format, text)));
        NewTask read = TaskJson.Read(TaskJson.Format, text);
        Assert.Equal(Whole.Body.ToArray(), read.Body.ToArray());
        Assert.Equal(Whole with { Body = default, Then = [], Chain = null }, read with { Body = default, Then = [], Chain = null });
        Assert.Equal(("first", 2, "{\"a\":[1,null]}", JsonValueKind.Null), (read.Chain!.First, read.Chain.Place, read.Chain.Previous[0].GetRawText(), read.Chain.Previous[1].ValueKind));
        Assert.Equal("after it"u8.ToArray(), read.Then.Single().Body.ToArray());
    }

    [Theory]
    [InlineData(2, "{}", "format is 2")]
    [InlineData(1, "{", "cannot be read")]
    [InlineData(1, """{"contentType":"text/plain","body":"","later":1}""", "later")]
    public void What_a_later_version_has_written_is_refused_not_misread(int format, string text, string expected) =>
        Assert.Contains(expected, Assert.Throws<FormatException>(() => TaskJson.Read(format, text)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("PollInterval", "00:00:00.01", "allowed:")]
    [InlineData("BatchSize", "0", "allowed:")]
    [InlineData("MaxAttempts", "1001", "allowed:")]
    [InlineData("MaxRetryDelay", "02:00:00", "allowed:")]
    [InlineData("BatchSize", "many", "WorkQueue:Outbox:BatchSize")]
    [InlineData("Batchsise", "5", "Batchsise")]
    public async Task A_wrong_setting_stops_the_start_with_its_whole_key(string key, string value, string expected)
    {
        using IHost host = Build<WithOutbox>((key, value));
        Exception wrong = await Assert.ThrowsAnyAsync<Exception>(() => host.StartAsync());
        Assert.True(wrong is OptionsValidationException or InvalidOperationException, wrong.ToString());
        Assert.Contains(expected, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_defaults_are_valid_and_what_is_set_in_code_counts_more_than_the_configuration()
    {
        using IHost host = Build<WithOutbox>(("BatchSize", "7"));
        TaskOutboxOptions options = host.Services.GetRequiredService<IOptionsMonitor<TaskOutboxOptions>>().Get(typeof(WithOutbox).FullName);
        Assert.Equal((7, 3, TimeSpan.FromSeconds(1)), (options.BatchSize, options.MaxAttempts, options.PollInterval));
    }

    [Fact]
    public async Task A_relay_on_another_database_does_not_start_and_says_which_it_works_on()
    {
        using IHost host = Build<WithOutbox>();
        InvalidOperationException refusal = await Assert.ThrowsAsync<InvalidOperationException>(() => host.StartAsync());
        Assert.Contains("Microsoft.EntityFrameworkCore.Sqlite", refusal.Message, StringComparison.Ordinal);
        Assert.Contains("PostgreSQL alone", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_context_without_the_table_says_what_to_call()
    {
        using IHost host = Build<Without>();
        using IServiceScope scope = host.Services.CreateScope();
        Without context = scope.ServiceProvider.GetRequiredService<Without>();
        Assert.Contains("modelBuilder.AddTaskOutbox()", Assert.Throws<InvalidOperationException>(() => context.Enqueue("t", "")).Message, StringComparison.Ordinal);
    }

    private static IHost Build<TContext>(params (string Key, string Value)[] settings)
        where TContext : DbContext
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection(settings.Select(setting => KeyValuePair.Create($"WorkQueue:Outbox:{setting.Key}", (string?)setting.Value)));
        // Nobody is there; the relay ends the start before anything is tried.
        builder.Configuration["ConnectionStrings:rabbitmq"] = "amqp://127.0.0.1:1";
        builder.Services.AddDbContext<TContext>(options => options.UseSqlite("Data Source=:memory:"));
        builder.Services.AddTaskOutbox<TContext>(options => options.MaxAttempts = options.MaxAttempts == 20 ? 3 : options.MaxAttempts);
        return builder.Build();
    }

    private sealed class WithOutbox(DbContextOptions<WithOutbox> options) : DbContext(options)
    {
        protected override void OnModelCreating(ModelBuilder modelBuilder) => modelBuilder.AddTaskOutbox();
    }

    private sealed class Without(DbContextOptions<Without> options) : DbContext(options);
}
