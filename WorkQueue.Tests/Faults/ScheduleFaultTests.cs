using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>Whoever leads is killed, stopped, or has another time; ten schedules are due every second. Their tasks wait in a queue that nobody takes from, where they are counted.</summary>
[Collection(SideFaults.Name)]
public sealed class ScheduleFaultTests(FaultBroker broker, FaultReport report)
{
    private const int Schedules = 10;

    [FaultFact(Timeout = 300_000)]
    public async Task No_occurrence_is_missing_when_leaders_are_killed_every_few_seconds_and_the_broker_once()
    {
        int kills = FaultSuite.IsLong ? 35 : 4;
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        List<WorkerProcess> programs = [Program(queue), Program(queue), Program(queue)];
        int dead = 0;
        for (int kill = 1; kill <= kills; kill++)
        {
            uint before = await ReadyAsync(queue);
            await EnqueuedAsync(queue, before + (3 * Schedules));
            WorkerProcess leader = await LeaderAsync(programs);
            await leader.DisposeAsync();
            programs[programs.IndexOf(leader)] = Program(queue);
            dead++;
            if (kill == kills / 2)
            {
                await broker.KillAsync();
                await broker.StartAsync();
            }
        }

        // What was due meanwhile is made up for besides.
        await EnqueuedAsync(queue, await ReadyAsync(queue) + (10 * Schedules));
        foreach (WorkerProcess program in programs)
        {
            await program.StopAsync();
            await program.DisposeAsync();
        }

        await CountAsync(queue, string.Create(CultureInfo.InvariantCulture, $"ten schedules of every second: {dead} leaders and the broker killed"));
    }

    [FaultFact(Timeout = 300_000)]
    public async Task A_leader_that_was_stopped_for_a_while_and_goes_on_adds_nothing_of_its_own()
    {
        TimeSpan pause = TimeSpan.FromSeconds(FaultSuite.IsLong ? 60 : 15);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        WorkerProcess[] programs = [Program(queue), Program(queue)];
        await EnqueuedAsync(queue, 3 * Schedules);
        WorkerProcess leader = await LeaderAsync(programs);
        WorkerProcess other = programs.Single(program => program != leader);
        await leader.SignalAsync("STOP");
        await Task.Delay(pause, TimeProvider.System);
        await Eventually.TrueAsync(() => Leads(other) > 0, "the other one leads");
        await leader.SignalAsync("CONT");
        await EnqueuedAsync(queue, await ReadyAsync(queue) + (10 * Schedules));
        foreach (WorkerProcess program in programs)
        {
            await program.StopAsync();
            await program.DisposeAsync();
        }

        await CountAsync(queue, string.Create(CultureInfo.InvariantCulture, $"ten schedules of every second: the leader stopped for {pause.TotalSeconds:0} s and let run on"));
    }

    [FaultFact(Timeout = 120_000)]
    public async Task Clocks_that_differ_neither_miss_nor_repeat()
    {
        TimeSpan difference = TimeSpan.FromSeconds(FaultSuite.IsLong ? 30 : 6);
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, Settings());
        IHost behind = await StartAsync(queue, TimeSpan.Zero);
        await LeadsAsync(behind);
        IHost ahead = await StartAsync(queue, difference);
        await EnqueuedAsync(queue, 2 * Schedules);
        await behind.StopAsync();
        await LeadsAsync(ahead);
        await EnqueuedAsync(queue, await ReadyAsync(queue) + (2 * Schedules));
        IHost again = await StartAsync(queue, TimeSpan.Zero);
        await ahead.StopAsync();
        await LeadsAsync(again);
        // Its clock has yet to come to where the other one was.
        await EnqueuedAsync(queue, await ReadyAsync(queue) + ((int)(difference.TotalSeconds + 5) * Schedules), TimeSpan.FromSeconds(90));
        await queue.StopAsync();
        await CountAsync(queue, string.Create(CultureInfo.InvariantCulture, $"ten schedules of every second: two leaders' clocks {difference.TotalSeconds:0} s apart"));
    }

    private static (string, string)[] Settings() =>
    [
        ("Heartbeat", "00:00:02"), ("Queues:idle:Type", "Quorum"), ("Worker:Queues", "idle"),
        .. Enumerable.Range(0, Schedules).SelectMany(number => ((string, string)[])[($"Schedules:s{number}:Cron", "* * * * * *"), ($"Schedules:s{number}:Type", "simulate"), ($"Schedules:s{number}:Queue", "default")]),
    ];

    private WorkerProcess Program(FaultQueue queue) => WorkerProcess.Start(broker.ConnectionString, queue.Prefix, Settings());

    private static Task<IHost> StartAsync(FaultQueue queue, TimeSpan ahead) => queue.StartAsync(builder =>
    {
        builder.Services.AddSingleton<TimeProvider>(new ShiftedClock(ahead));
        builder.AddTaskQueue();
    });

    private static Task LeadsAsync(IHost host) => Eventually.TrueAsync(() => host.Services.GetRequiredService<LeaderService>().IsLeader, "it leads");

    private static Task EnqueuedAsync(FaultQueue queue, long count, TimeSpan? within = null) =>
        Eventually.TrueAsync(async () => await ReadyAsync(queue) >= count, $"{count} tasks are enqueued", within ?? TimeSpan.FromSeconds(60));

    // Of a broker that is away, or a queue that is not declared yet, nothing is known.
    private static async Task<uint> ReadyAsync(FaultQueue queue)
    {
        try
        {
            return await queue.ReadyAsync();
        }
        catch (Exception unknown) when (unknown is OperationInterruptedException or BrokerUnreachableException)
        {
            return 0;
        }
    }

    private static int Leads(WorkerProcess program) => program.Output.Count(line => line.Contains("This process leads", StringComparison.Ordinal));

    // The one that said so last: the ones before are dead, and new ones have said nothing yet.
    private static async Task<WorkerProcess> LeaderAsync(IReadOnlyList<WorkerProcess> programs)
    {
        await Eventually.TrueAsync(() => programs.Any(program => Leads(program) > 0), "one leads");
        return programs.First(program => Leads(program) > 0);
    }

    // Of each schedule every second from its first to its last one.
    private async Task CountAsync(FaultQueue queue, string scenario)
    {
        List<string> ids = [];
        await using IConnection connection = await queue.ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        while (await channel.BasicGetAsync($"{queue.Prefix}.default", autoAck: true) is { } message)
        {
            ids.Add(message.BasicProperties.MessageId!);
        }

        ILookup<string, DateTimeOffset> times = ids.Distinct().ToLookup(ScheduleOf, id => TaskIds.CreatedAt(id)!.Value);
        Assert.Equal(Schedules, times.Count);
        int missing = times.Sum(schedule => (int)(schedule.Max() - schedule.Min()).TotalSeconds + 1 - schedule.Count());
        report.Add(scenario, new Balance(ids.Distinct().Count(), missing, ids.Count - ids.Distinct().Count()), "each occurrence has one id");
        // None of them fell silent.
        DateTimeOffset last = times.Max(schedule => schedule.Max());
        Assert.All(times, schedule => Assert.InRange(last - schedule.Max(), TimeSpan.Zero, TimeSpan.FromSeconds(10)));
    }

    private static string ScheduleOf(string id) => Enumerable.Range(0, Schedules).Select(number => $"s{number}").Single(name => IdOf(name, TaskIds.CreatedAt(id)!.Value) == id);

    private static string IdOf(string schedule, DateTimeOffset due) => TaskIds.Of(due, $"{schedule}\n{due.ToUnixTimeMilliseconds()}");

    private sealed class ShiftedClock(TimeSpan ahead) : TimeProvider
    {
        public override DateTimeOffset GetUtcNow() => System.GetUtcNow() + ahead;
    }
}
