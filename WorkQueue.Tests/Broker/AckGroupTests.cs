using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Time.Testing;
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

    private readonly FakeTimeProvider _clock = new();
    private readonly List<(ulong Tag, bool IsAcknowledged)> _told = [];
    private IChannel? _channel;
    private TaskSettler? _settler;

    [BrokerFact]
    public Task Those_that_are_done_are_acknowledged_together() => LeavesAsync([3, 4], async (group, tasks) =>
    {
        Assert.True(group.TryAdd(tasks[0]) && group.TryAdd(tasks[1]) && group.TryAdd(tasks[2]));
        Assert.False(group.IsFull);
        await group.FlushAsync();
        Assert.Equal([(tasks[0].Tag, true), (tasks[1].Tag, true), (tasks[2].Tag, true)], _told);
    });

    [BrokerFact]
    public Task It_is_full_with_as_many_as_it_may_hold() => LeavesAsync([4], async (group, tasks) =>
    {
        Assert.All(tasks.Take(Most), task => Assert.True(group.TryAdd(task)));
        Assert.True(group.IsFull);
        await group.FlushAsync();
        Assert.False(group.IsFull);
    });

    [BrokerFact]
    public Task None_waits_for_others_for_long() => LeavesAsync([1, 2, 3, 4], async (group, tasks) =>
    {
        group.TryAdd(tasks[0]);
        _clock.Advance(TimeSpan.FromMilliseconds(4));
        Assert.Empty(_told);
        _clock.Advance(TimeSpan.FromMilliseconds(1));
        await Eventually.EqualAsync(1, () => Task.FromResult<long>(ToldCount), "it is acknowledged");
    });

    [BrokerFact]
    public Task One_that_is_done_out_of_turn_is_none_of_them() => LeavesAsync([1, 2, 3, 4], async (group, tasks) =>
    {
        group.TryAdd(tasks[0]);
        Assert.False(group.TryAdd(tasks[2]) || group.TryAdd(tasks[3]));
        await group.FlushAsync();
    });

    [BrokerFact]
    public Task One_that_was_acknowledged_by_itself_does_not_break_the_row() => LeavesAsync([], async (group, tasks) =>
    {
        group.TryAdd(tasks[0]);
        Assert.True(await _settler!.AckAsync(_channel!, tasks[1]));
        group.Passed(tasks[1]);
        Assert.All(tasks.Skip(2), task => Assert.True(group.TryAdd(task)));
        await group.FlushAsync();
    });

    [BrokerFact]
    public Task They_wait_while_none_may_be_acknowledged() => LeavesAsync([4], async (group, tasks) =>
    {
        TaskCompletionSource gate = new();
        AckGroup gated = new(_channel!, _settler!, Most, _clock) { MayAck = _ => gate.Task, Acknowledged = Told };
        gated.Received(tasks[0]);
        Assert.All(tasks.Take(Most), task => Assert.True(gated.TryAdd(task)));
        Task flushing = gated.FlushAsync();
        Assert.False(flushing.IsCompleted);
        Assert.Empty(_told);
        gate.SetResult();
        await flushing;
        await gated.DisposeAsync();
        Assert.Equal(Most, ToldCount);
    });

    [BrokerFact]
    public Task None_overtakes_another_while_many_ask_for_it_at_once() => LeavesAsync([], async (group, tasks) =>
    {
        using CancellationTokenSource end = new();
        Task[] asking = [.. Enumerable.Range(0, 4).Select(_ => Task.Run(async () =>
        {
            while (!end.IsCancellationRequested)
            {
                await group.FlushAsync();
                await Task.Yield();
            }
        }))];
        foreach (TaskDelivery task in tasks)
        {
            Assert.True(group.TryAdd(task));
            await Task.Yield();
        }

        await Eventually.EqualAsync(tasks.Length, () => Task.FromResult<long>(ToldCount), "all are acknowledged");
        await end.CancelAsync();
        await Task.WhenAll(asking);
        Assert.All(_told, told => Assert.True(told.IsAcknowledged));
        // A call and its answer: the broker has taken every one of them for what it knows.
        await _channel!.QueueDeclareAsync();
    }, count: 300);

    [BrokerFact]
    public Task On_a_channel_that_is_lost_each_is_told_to_be() => LeavesAsync([0, 1, 2, 3, 4], async (group, tasks) =>
    {
        await _channel!.CloseAsync();
        Assert.True(group.TryAdd(tasks[0]) && group.TryAdd(tasks[1]));
        await group.FlushAsync();
        Assert.Equal([(tasks[0].Tag, false), (tasks[1].Tag, false)], _told);
    });

    private async Task LeavesAsync(int[] left, Func<AckGroup, TaskDelivery[], Task> act, int count = Most + 1)
    {
        await using TestQueue queue = new(broker, ("History", "Off"));
        // What settles, without what takes.
        IHost host = await queue.StartAsync(builder => builder.AddTaskQueue().Services.AddSingleton<WorkerIdentity>().AddSingleton<TaskReplier>().AddSingleton<TaskSettler>());
        ITaskQueue producer = host.Services.GetRequiredService<ITaskQueue>();
        TaskQueue source = host.Services.GetRequiredService<TaskTopology>()["default"];
        _settler = host.Services.GetRequiredService<TaskSettler>();
        TaskDelivery[] tasks = new TaskDelivery[count];
        string[] ids = new string[count];
        await using (_channel = await queue.PlainChannelAsync())
        await using (AckGroup group = new(_channel, _settler, Most, _clock) { MayAck = _ => Task.CompletedTask, Acknowledged = Told })
        {
            for (int number = 0; number < count; number++)
            {
                ids[number] = (await producer.ProbeAsync($"{number}")).Id;
                BasicGetResult got = (await _channel.BasicGetAsync($"{queue.Prefix}.default", autoAck: false))!;
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

    private int ToldCount
    {
        get
        {
            lock (_told)
            {
                return _told.Count;
            }
        }
    }

    private void Told(TaskDelivery delivery, bool isAcknowledged)
    {
        lock (_told)
        {
            _told.Add((delivery.Tag, isAcknowledged));
        }
    }
}
