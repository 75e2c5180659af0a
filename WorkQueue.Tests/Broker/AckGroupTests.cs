using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Consuming.Adaptive;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>Which tasks an acknowledgement of several covers: what is not acknowledged when its channel is closed is in the queue again.</summary>
[Collection(BrokerTests.Name)]
public sealed class AckGroupTests(BrokerFixture broker)
{
    private const int Most = 4;

    [BrokerFact]
    public Task Fewer_than_a_group_wait() => LeavesAsync([0, 1, 2, 3, 4], async (group, tasks) =>
    {
        Assert.True(await group.AddAsync(tasks[0]) && await group.AddAsync(tasks[1]) && await group.AddAsync(tasks[2]));
        Assert.False(group.IsDue);
    });

    [BrokerFact]
    public Task A_whole_group_is_acknowledged() => LeavesAsync([4], async (group, tasks) =>
    {
        foreach (TaskDelivery task in tasks.Take(Most))
        {
            Assert.True(await group.AddAsync(task));
        }
    });

    [BrokerFact]
    public Task Part_of_a_group_is_acknowledged_when_it_is_due() => LeavesAsync([2, 3, 4], async (group, tasks) =>
    {
        await group.AddAsync(tasks[0]);
        await group.AddAsync(tasks[1]);
        await Eventually.TrueAsync(() => group.IsDue, "they have waited for long");
        Assert.True(await group.FlushAsync());
        Assert.False(group.IsDue);
    });

    [BrokerFact]
    public Task What_is_done_out_of_turn_takes_none_before_it_along() => LeavesAsync([1, 4], async (group, tasks) =>
    {
        await group.AddAsync(tasks[0]);
        Assert.True(await group.AddAsync(tasks[2]) && await group.AddAsync(tasks[3]));
        await group.FlushAsync();
    });

    [BrokerFact]
    public Task One_that_was_acknowledged_by_itself_does_not_break_the_row() => LeavesAsync([], async (group, tasks) =>
    {
        await group.AddAsync(tasks[0]);
        Assert.True(await Settler!.AckAsync(Channel!, tasks[1]));
        group.Settled(tasks[1]);
        foreach (TaskDelivery task in tasks.Skip(2))
        {
            Assert.True(await group.AddAsync(task));
        }
    });

    [BrokerFact]
    public Task Two_at_once_do_not_overtake_each_other() => LeavesAsync([4], async (group, tasks) =>
    {
        for (int number = 0; number < Most; number++)
        {
            ValueTask<bool> added = group.AddAsync(tasks[number]);
            bool[] flushed = await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(async () => await group.FlushAsync())));
            Assert.True(await added && flushed.All(ok => ok));
        }
    });

    [BrokerFact]
    public Task On_a_channel_that_is_lost_nothing_is_acknowledged() => LeavesAsync([0, 1, 2, 3, 4], async (group, tasks) =>
    {
        await group.AddAsync(tasks[0]);
        await Channel!.CloseAsync();
        Assert.False(await group.FlushAsync());
    });

    private TaskSettler? Settler { get; set; }

    private IChannel? Channel { get; set; }

    private async Task LeavesAsync(int[] left, Func<AckGroup, TaskDelivery[], Task> act)
    {
        await using TestQueue queue = new(broker, ("History", "Off"));
        // What settles, without what takes.
        IHost host = await queue.StartAsync(builder => builder.AddTaskQueue().Services.AddSingleton<WorkerIdentity>().AddSingleton<TaskReplier>().AddSingleton<TaskSettler>());
        IServiceProvider services = host.Services;
        ITaskQueue producer = services.GetRequiredService<ITaskQueue>();
        TaskQueue source = services.GetRequiredService<TaskTopology>()["default"];
        Settler = services.GetRequiredService<TaskSettler>();
        TaskDelivery[] tasks = new TaskDelivery[Most + 1];
        string[] ids = new string[tasks.Length];
        await using (Channel = await queue.PlainChannelAsync())
        {
            AckGroup group = new(Channel, Settler, Most, TimeProvider.System);
            for (int number = 0; number < tasks.Length; number++)
            {
                ids[number] = (await producer.ProbeAsync($"{number}")).Id;
                BasicGetResult got = (await Channel.BasicGetAsync($"{queue.Prefix}.default", autoAck: false))!;
                tasks[number] = TaskCodec.Read(got.DeliveryTag, got.Redelivered, got.BasicProperties, got.Body, source);
                group.Received(tasks[number]);
            }

            await act(group, tasks);
        }

        List<string> back = [];
        for (int number = 0; number < left.Length; number++)
        {
            back.Add((await queue.TakeAsync("default")).BasicProperties.MessageId!);
        }

        Assert.Equal(left.Select(number => ids[number]).Order(), back.Order());
        Assert.Equal(0u, await queue.ReadyAsync());
    }
}
