using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>One queue of the broker stands still, or is full, while all else works.</summary>
[Collection(SideFaults.Name)]
public sealed class StuckQueueTests(FaultBroker broker)
{
    [FaultFact(Timeout = 90_000)]
    public async Task A_queue_that_does_not_confirm_keeps_no_other_queue_waiting_and_is_told_of()
    {
        // Classic: of a quorum queue RabbitMQ 3.10 holds up the other confirms of the channel too.
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Queues:stuck:Type", "Classic"), ("PublishWindow", "8"), ("ConfirmTimeout", "00:00:02"));
        IHost front = await queue.StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue producer = front.Services.GetRequiredService<ITaskQueue>();
        await producer.EnqueueAsync(FaultQueue.Probe(0));
        await SetRunningAsync($"{queue.Prefix}.stuck", false);

        PublishOutcome[] ends = await Task.WhenAll(Enumerable.Range(0, 8).Select(async number =>
            (await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => producer.EnqueueAsync(FaultQueue.Probe(number) with { Queue = "stuck" }))).Outcome));
        Assert.All(ends, end => Assert.Equal(PublishOutcome.Unknown, end));
        HealthCheckService health = front.Services.GetRequiredService<HealthCheckService>();
        Assert.Equal(HealthStatus.Unhealthy, (await health.CheckHealthAsync()).Status);
        await producer.EnqueueAsync(FaultQueue.Probe(1)).WaitAsync(TimeSpan.FromSeconds(2));
        Assert.Equal(HealthStatus.Healthy, (await health.CheckHealthAsync()).Status);
        await SetRunningAsync($"{queue.Prefix}.stuck", true);
        await DeleteAsync(queue, "stuck");
    }

    [FaultFact(Timeout = 90_000)]
    public async Task A_dead_letter_that_waits_for_its_confirm_is_sent_once_though_another_queue_refuses()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker, ("Queues:full:Type", "Classic"), ("ConfirmTimeout", "00:00:04"));
        IHost host = await queue.WorkerAsync((_, _) => throw new TaskRejectedException("no"), builder => builder.AddTaskQueue());
        ITaskQueue producer = await queue.ProducerAsync();
        await producer.EnqueueAsync(FaultQueue.Probe(0) with { Queue = "full" });
        await CapAsync($"{queue.Prefix}.full", 1);
        await SetRunningAsync($"{queue.Prefix}.default.dead", false);
        await producer.EnqueueAsync(FaultQueue.Probe(0));
        await queue.Runs.NextAsync();

        // As many refusals as would have closed the channel under the dead letter several times.
        ITaskQueue worker = host.Services.GetRequiredService<ITaskQueue>();
        for (int refused = 0; refused < 20; refused++)
        {
            await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => worker.EnqueueAsync(FaultQueue.Probe(refused) with { Queue = "full" }));
            await Task.Delay(TimeSpan.FromMilliseconds(250), TimeProvider.System);
        }

        await SetRunningAsync($"{queue.Prefix}.default.dead", true);
        await queue.LoggedAsync("is dead-lettered");
        await using IConnection plain = await new ConnectionFactory { Uri = new Uri(broker.ConnectionString) }.CreateConnectionAsync();
        await using IChannel channel = await plain.CreateChannelAsync();
        await Eventually.TrueAsync(async () => await channel.MessageCountAsync($"{queue.Prefix}.default.dead") > 0, "the letter is there");
        await queue.StopAsync();
        Assert.Equal(1u, await channel.MessageCountAsync($"{queue.Prefix}.default.dead"));
        await UncapAsync($"{queue.Prefix}.full");
        await DeleteAsync(queue, "full");
    }

    [FaultFact(Timeout = 120_000)]
    public async Task A_queue_that_does_not_confirm_keeps_the_leader_from_nothing_else_and_gets_what_is_due_when_it_does()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(
            broker, ("Queues:stuck:Type", "Classic"), ("ConfirmTimeout", "00:00:20"),
            ("Schedules:tick:Cron", "* * * * * *"), ("Schedules:tick:Type", "probe"), ("Schedules:tick:Payload", "\"1\""), ("Schedules:tick:Queue", "stuck"));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.WorkerAsync();
        await producer.EnqueueAsync(Keyed("default"));
        await SetRunningAsync($"{queue.Prefix}.stuck", false);
        await queue.LoggedAsync("Schedule tick cannot enqueue what is due");

        for (int number = 0; number < 5; number++)
        {
            await producer.EnqueueAsync(Keyed("default"));
        }

        TaskNotEnqueuedException unsent = await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => producer.EnqueueAsync(Keyed("stuck")));
        Assert.Equal(PublishOutcome.Unavailable, unsent.Outcome);
        Assert.DoesNotContain(queue.Logged, line => line.Contains("does not lead", StringComparison.Ordinal));
        await SetRunningAsync($"{queue.Prefix}.stuck", true);
        await using IConnection connection = await new ConnectionFactory { Uri = new Uri(broker.ConnectionString) }.CreateConnectionAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        uint before = await channel.MessageCountAsync($"{queue.Prefix}.stuck");
        await Eventually.TrueAsync(async () => await channel.MessageCountAsync($"{queue.Prefix}.stuck") > before + 2, "the schedule goes on");
        await queue.StopAsync();
        List<string?> ids = [];
        while (await channel.BasicGetAsync($"{queue.Prefix}.stuck", autoAck: true) is { } tick)
        {
            ids.Add(tick.BasicProperties.MessageId);
        }

        // What was not confirmed in time is sent again, under its id, and nothing else.
        Assert.InRange(ids.Count - ids.Distinct().Count(), 0, 1);
        await DeleteAsync(queue, "stuck");

        static NewTask Keyed(string name) => NewTask.Json("probe", "0") with { Queue = name, Unique = new UniqueOptions { Key = $"{Guid.NewGuid()}" } };
    }

    [FaultFact(Timeout = 90_000)]
    public async Task Messages_without_an_id_run_though_their_queue_is_full_of_them()
    {
        const int Messages = 60;
        string name = $"full_{Guid.NewGuid():N}";
        await using FaultQueue queue = await FaultQueue.CreateAsync(
            broker, ("Queues:tutorial:Name", name), ("Queues:tutorial:Type", "Classic"), ("Queues:tutorial:DefaultType", "probe"), ("Worker:Queues", "tutorial"));
        await CapAsync(name, 5);
        await using IConnection connection = await new ConnectionFactory { Uri = new Uri(broker.ConnectionString) }.CreateConnectionAsync();
        await using IChannel plain = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        await plain.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false);
        Task sending = Task.Run(async () =>
        {
            for (int sent = 0; sent < Messages;)
            {
                try
                {
                    await plain.BasicPublishAsync("", name, mandatory: true, new BasicProperties { Persistent = true }, "no id"u8.ToArray());
                    sent++;
                }
                catch (PublishException)
                {
                    await Task.Yield();
                }
            }
        });
        await queue.WorkerAsync();
        for (int run = 0; run < Messages; run++)
        {
            await queue.Runs.NextAsync();
        }

        await sending;
        await queue.StopAsync();
        await UncapAsync(name);
        await plain.QueueDeleteAsync(name);
    }

    private Task SetRunningAsync(string queue, bool running) => broker.ControlAsync("eval", string.Create(
        CultureInfo.InvariantCulture,
        $"{{ok,Q}} = rabbit_amqqueue:lookup(rabbit_misc:r(<<\"/\">>, queue, <<\"{queue}\">>)), sys:{(running ? "resume" : "suspend")}({PidOf}(Q))."));

    // A quorum queue is led by a process with the name of its cluster.
    private const string PidOf = "(fun(X) -> case amqqueue:get_pid(X) of {N, _} -> N; P -> P end end)";

    private Task CapAsync(string queue, int length) => broker.ControlAsync(
        "set_policy", queue, $"^{queue}$", string.Create(CultureInfo.InvariantCulture, $$"""{"max-length":{{length}},"overflow":"reject-publish"}"""), "--apply-to", "queues");

    private Task UncapAsync(string queue) => broker.ControlAsync("clear_policy", queue);

    private async Task DeleteAsync(FaultQueue queue, string name)
    {
        await queue.StopAsync();
        await using IConnection connection = await new ConnectionFactory { Uri = new Uri(broker.ConnectionString) }.CreateConnectionAsync();
        await using IChannel channel = await connection.CreateChannelAsync();
        await channel.QueueDeleteAsync($"{queue.Prefix}.{name}");
        await channel.QueueDeleteAsync($"{queue.Prefix}.{name}.dead");
    }
}
