using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Http.Json;
using Microsoft.EntityFrameworkCore;
using Npgsql;
using Outbox;
using RabbitMQ.Client;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Programs that write an order and its task in one transaction, and have a relay each, are killed (SIGKILL). Their tasks wait in a queue that nobody takes from, where they are counted.</summary>
[Collection(SideFaults.Name)]
public sealed class OutboxFaultTests(FaultBroker broker, FaultReport report)
{
    private const int Callers = 8;

    // What the relay waits for in a trigger, as long as the test has it.
    private const int Gate = 7;

    private static readonly int Kills = FaultSuite.IsLong ? 60 : 4;

    // The step, the trigger in which the relay is held there, and how many are sent twice.
    private static readonly (string Step, string? Trigger, int Doubles)[] Steps =
    [
        ("before the publish", null, 0),
        ("after the confirm", "CREATE TRIGGER wait BEFORE DELETE ON \"TaskOutbox\" FOR EACH STATEMENT EXECUTE FUNCTION wait()", 1),
        ("after the delete", "CREATE TRIGGER wait AFTER DELETE ON \"TaskOutbox\" FOR EACH STATEMENT EXECUTE FUNCTION wait()", 1),
        ("in the commit", "CREATE CONSTRAINT TRIGGER wait AFTER DELETE ON \"TaskOutbox\" DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION wait()", 0),
    ];

    [OutboxFaultFact(Timeout = 120_000)]
    public async Task A_relay_that_is_killed_between_any_two_steps_loses_nothing_and_sends_twice_only_what_was_confirmed()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await broker.EnsureRunningAsync();
        await using TcpProxy link = new(broker.Port);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        await using NpgsqlConnection gate = new(database.ConnectionString);
        await gate.OpenAsync();
        await RunAsync(gate, $"CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_advisory_xact_lock_shared({Gate}); RETURN NULL; END'");
        (WorkerProcess program, Uri address) = await WorkerProcess.StartOutboxAsync(link.Over(broker.ConnectionString), queue.Prefix, database.ConnectionString);
        Balance total = new(0, 0, 0);
        foreach ((string step, string? trigger, int doubles) in Steps)
        {
            using HttpClient http = new() { BaseAddress = address };
            await Eventually.TrueAsync(async () => (await http.GetAsync(new Uri("/health", UriKind.Relative))).IsSuccessStatusCode, "it is connected");
            await HoldAsync(gate, link, trigger);
            await OrderAsync(http, $"on its way {step}", net: 10);
            await Eventually.TrueAsync(async () => trigger is null ? await IsLockedAsync(database) : await IsWaitingAsync(gate), $"the relay is {step}");
            await OrderAsync(http, $"behind it {step}", net: 10);
            await program.DisposeAsync();
            link.Cut();
            link.Flow();
            await RunAsync(gate, $"SELECT pg_advisory_unlock_all(); DROP TRIGGER IF EXISTS wait ON \"TaskOutbox\"");
            // It is the next victim too.
            (program, address) = await WorkerProcess.StartOutboxAsync(link.Over(broker.ConnectionString), queue.Prefix, database.ConnectionString);
            await database.EmptyAsync();
            Balance balance = await CountAsync(queue, database);
            Assert.Equal((step, 2, 0, doubles), (step, balance.Confirmed, balance.Lost, balance.Duplicates));
            total = new Balance(total.Confirmed + balance.Confirmed, total.Lost + balance.Lost, total.Duplicates + balance.Duplicates);
            await database.RunAsync($"""DELETE FROM "Orders" """);
        }

        await program.DisposeAsync();
        report.Add($"outbox: its relay killed {string.Join(", ", Steps.Select(step => step.Step))}", total, "each order has its task");
    }

    [OutboxFaultFact(Timeout = 300_000)]
    public async Task Each_order_has_its_task_and_each_task_its_order_when_programs_are_killed_at_any_moment()
    {
        await using TestDatabase database = await TestDatabase.CreateAsync();
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        WorkerProcess[] programs = new WorkerProcess[2];
        Uri[] addresses = new Uri[2];
        Task StartAsync(int number) => Task.Run(async () => (programs[number], addresses[number]) = await WorkerProcess.StartOutboxAsync(broker.ConnectionString, queue.Prefix, database.ConnectionString));
        await StartAsync(0);
        await StartAsync(1);
        using CancellationTokenSource enough = new();
        using HttpClient http = new();
        ConcurrentDictionary<string, HttpStatusCode> answers = new();
        Task load = Task.WhenAll(Enumerable.Range(0, Callers).Select(caller => LoadAsync(http, () => Volatile.Read(ref addresses[caller % 2]), caller, answers, enough.Token)));
        for (int kill = 0; kill < Kills; kill++)
        {
            int before = answers.Count;
            await Eventually.TrueAsync(() => answers.Count >= before + 50, "orders are taken");
            // At any moment of what it does.
            await Task.Delay(TimeSpan.FromMilliseconds(Random.Shared.Next(100)), TimeProvider.System);
            await programs[kill % 2].DisposeAsync();
            await StartAsync(kill % 2);
        }

        await enough.CancelAsync();
        await load;
        await database.EmptyAsync();
        foreach (WorkerProcess program in programs)
        {
            await program.DisposeAsync();
        }

        await using Shop shop = database.Open();
        HashSet<string> orders = [.. await shop.Orders.Select(order => order.Number).ToListAsync()];
        Assert.All(answers, answer => Assert.Equal(answer.Value == HttpStatusCode.Accepted, orders.Contains(answer.Key)));
        Assert.Contains(answers, answer => answer.Value == HttpStatusCode.BadRequest);
        Balance balance = await CountAsync(queue, database);
        report.Add(string.Create(CultureInfo.InvariantCulture, $"outbox: two programs, {Kills} of which were killed while they took orders"), balance, "each order has its task");
    }

    // Until it is told to stop; what a dead program has not answered is not asked again.
    private static async Task LoadAsync(HttpClient http, Func<Uri> address, int caller, ConcurrentDictionary<string, HttpStatusCode> answers, CancellationToken enough)
    {
        for (int number = 0; !enough.IsCancellationRequested; number++)
        {
            try
            {
                string order = string.Create(CultureInfo.InvariantCulture, $"{caller}-{number}");
                using HttpResponseMessage answer = await http.PostAsJsonAsync(new Uri(address(), "/orders"), new { number = order, net = number % 10 == 9 ? 0 : 10 }, CancellationToken.None);
                answers[order] = answer.StatusCode;
            }
            catch (HttpRequestException)
            {
                // It was killed, or is not there yet.
                await Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, CancellationToken.None);
            }
        }
    }

    private static async Task OrderAsync(HttpClient http, string number, int net)
    {
        using HttpResponseMessage answer = await http.PostAsJsonAsync(new Uri("/orders", UriKind.Relative), new { number, net });
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);
    }

    private static async Task HoldAsync(NpgsqlConnection gate, TcpProxy link, string? trigger)
    {
        if (trigger is null)
        {
            link.Stall();
        }
        else
        {
            await RunAsync(gate, $"{trigger}; SELECT pg_advisory_lock({Gate})");
        }
    }

    private static async Task<bool> IsLockedAsync(TestDatabase database)
    {
        await using Shop shop = database.Open();
        return await shop.Database.SqlQuery<long>($"""SELECT "Id" AS "Value" FROM "TaskOutbox" FOR UPDATE SKIP LOCKED""").ToListAsync() is [] && (await database.RowsAsync()).Length == 1;
    }

    private static async Task<bool> IsWaitingAsync(NpgsqlConnection gate)
    {
        await using NpgsqlCommand command = new($"SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND objid = {Gate} AND NOT granted", gate);
        return await command.ExecuteScalarAsync() is > 0L;
    }

    private static async Task RunAsync(NpgsqlConnection connection, string text)
    {
        await using NpgsqlCommand command = new(text, connection);
        await command.ExecuteNonQueryAsync();
    }

    // Of a rolled back order no task, and of no order two different ones.
    private static async Task<Balance> CountAsync(FaultQueue queue, TestDatabase database)
    {
        await using Shop shop = database.Open();
        HashSet<string> committed = [.. await shop.Orders.Select(order => order.InvoiceTask).ToListAsync()];
        List<string> sent = [];
        await using IConnection connection = await queue.ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        while (await channel.BasicGetAsync($"{queue.Prefix}.default", autoAck: true) is { } message)
        {
            sent.Add(message.BasicProperties.MessageId!);
        }

        Assert.Empty(sent.Except(committed));
        return new Balance(committed.Count, committed.Except(sent).Count(), sent.Count - sent.Distinct().Count());
    }
}
