using System.Globalization;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>From one broker to another, by the steps of docs/operations.md and the script that they name.</summary>
public sealed class BrokerMoveTests(FaultReport report) : IClassFixture<FaultReport>
{
    private const int Waiting = 1500;
    private const int Delayed = 60;
    private const int Bad = 40;

    // Of each task that it was enqueued, and of the bad ones that they are dead.
    private const int Records = Waiting + Delayed + 1 + (2 * Bad);

    private static readonly TimeSpan Delay = TimeSpan.FromHours(1);
    private static readonly string Script = Path.Combine(TestEnvironment.Solution, "deploy", "move.sh");

    private readonly Ledger _ledger = new();
    private int _early;

    [ClusterFact(Timeout = 240_000)]
    public async Task What_waits_is_delayed_is_dead_and_is_known_of_tasks_comes_over_and_no_task_runs_before_its_time()
    {
        await using LocalBrokerProcess old = new();
        await using LocalBrokerProcess other = new() { Plugins = "rabbitmq_shovel" };
        await Task.WhenAll(old.StartAsync(), other.StartAsync());
        string held;
        using (IHost host = await StartAsync(old))
        {
            held = await FillAsync(host.Services);
            // Everything that tasks need is declared there, and nobody works yet.
            using (IHost declared = await StartAsync(other, ("WorkQueue:DeclareOnly", "true")))
            {
                await declared.WaitForShutdownAsync().WaitAsync(TestEnvironment.Patience);
            }

            await other.ToolAsync(Script, "streams", old.ConnectionString, other.ConnectionString);
            await host.StopAsync();
        }

        // Both are told some seconds late.
        await Eventually.TrueAsync(async () => await StreamsAsync(old) is { Length: > 0 } here && here == await StreamsAsync(other) && here.Contains($"wq.history {Records}", StringComparison.Ordinal), "all that is known has come over", TimeSpan.FromSeconds(60));
        await other.ToolAsync(Script, "tasks", old.ConnectionString, other.ConnectionString);
        using IHost moved = await StartAsync(other);
        IServiceProvider services = moved.Services;
        await other.KillAsync();
        await other.StartAsync();

        // Paused it was, and is: also what is delayed waits until a worker may look at it.
        await WaitsAsync(services, Waiting + Delayed + 1);
        Assert.Equal(0, _ledger.Succeeded);
        Assert.Equal((held, true), await EnqueueUniqueAsync(services));
        Assert.Equal("nightly", Assert.Single(await services.GetRequiredService<ISchedules>().ListAsync()).Name);
        await DeadAsync(services);

        await services.GetRequiredService<ITaskControl>().ResumeAsync("default");
        await Eventually.TrueAsync(() => _ledger.AllDone, "all are done", TimeSpan.FromSeconds(120));
        // What came over before its time was looked at, and waits for the rest of it.
        await Eventually.TrueAsync(() => services.GetRequiredService<IQueueCounts>().Delayed >= Delayed, "what is delayed waits on");
        Assert.Equal(0, _early);
        await other.ToolAsync(Script, "stop");
        report.Add("moved to another broker by shovels, the new one killed meanwhile", _ledger.Close([], []), "delayed tasks wait on, dead letters, pause, schedule and unique key moved");
    }

    // A paused queue with tasks, tasks that are to run later, dead letters, a schedule, and a key that is held.
    private async Task<string> FillAsync(IServiceProvider services)
    {
        ITaskQueue queue = services.GetRequiredService<ITaskQueue>();
        foreach (int number in Enumerable.Range(0, Bad))
        {
            await queue.EnqueueAsync(NewTask.Json("probe", "bad"));
        }

        await DeadAsync(services);
        await services.GetRequiredService<ITaskControl>().PauseAsync("default");
        await services.GetRequiredService<ISchedules>().DefineAsync("nightly", new ScheduleOptions { Cron = "0 3 1 1 *", Type = "probe", Payload = "\"nightly\"" });
        (string held, _) = await EnqueueUniqueAsync(services);
        _ledger.Confirm(held);
        await Parallel.ForEachAsync(Enumerable.Range(0, Waiting + Delayed), async (number, stopping) =>
        {
            NewTask task = NewTask.Json("probe", number.ToString(CultureInfo.InvariantCulture));
            if (number < Waiting)
            {
                _ledger.Confirm((await queue.EnqueueAsync(task, stopping)).Id);
            }
            else
            {
                await queue.EnqueueAsync(NewTask.Json("probe", "later") with { Delay = Delay }, stopping);
            }
        });
        await WaitsAsync(services, Waiting + 1);
        return held;
    }

    private static async Task<(string Id, bool Existing)> EnqueueUniqueAsync(IServiceProvider services)
    {
        EnqueuedTask task = await services.GetRequiredService<ITaskQueue>().EnqueueAsync(NewTask.Json("probe", "unique") with { Unique = new UniqueOptions { Key = "report" } });
        return (task.Id, task.Existing);
    }

    // By their ids: what was on its way when the broker was killed may have come twice.
    private static Task DeadAsync(IServiceProvider services) => Eventually.EqualAsync(
        Bad, async () => (await services.GetRequiredService<IDeadLetters>().ListAsync(new DeadLetterFilter())).Select(letter => letter.Id).Distinct().Count(), "dead letters");

    private static Task WaitsAsync(IServiceProvider services, int tasks) => Eventually.TrueAsync(
        () => services.GetRequiredService<IQueueCounts>().Current.SingleOrDefault(queue => queue.Queue == "default")?.Ready >= tasks, "what waits is there", TimeSpan.FromSeconds(30));

    // Of each stream how many records it has.
    private static async Task<string> StreamsAsync(LocalBrokerProcess broker) => string.Join(
        ", ",
        (await broker.ToolAsync("rabbitmqctl", "--silent", "list_queues", "--no-table-headers", "name", "messages", "type")).Split('\n', StringSplitOptions.RemoveEmptyEntries)
            .Select(line => line.Split('\t')).Where(fields => fields[2] == "stream").Select(fields => $"{fields[0]} {fields[1]}").Order());

    private async Task<IHost> StartAsync(LocalBrokerProcess broker, params (string Key, string Value)[] settings)
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder(new HostApplicationBuilderSettings { DisableDefaults = true });
        builder.Configuration.AddInMemoryCollection([new("ConnectionStrings:rabbitmq", broker.ConnectionString), new("WorkQueue:Worker:Concurrency", "4"), .. settings.Select(setting => KeyValuePair.Create(setting.Key, (string?)setting.Value))]);
        builder.AddTaskQueue();
        builder.Services.AddTaskSchedules();
        builder.AddTaskWorker();
        builder.AddTaskHandler<string>("probe", (text, context) =>
        {
            if (text == "bad")
            {
                throw new TaskRejectedException("It is bad.");
            }

            if (text == "later")
            {
                Interlocked.Increment(ref _early);
            }

            _ledger.Succeed(context.Id);
            return Task.CompletedTask;
        });
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }
}
