using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

[Collection(MoreBrokerTests.Name)]
public sealed class ScheduleTests(BrokerFixture broker)
{
    private static readonly ScheduleOptions EverySecond = new() { Cron = "* * * * * *", Type = "probe", Payload = "\"tick\"" };

    [BrokerFact]
    public async Task A_schedule_in_the_settings_is_run_by_one_of_the_programs_that_have_it()
    {
        await using TestQueue queue = new(broker, ("Schedules:tick:Cron", "* * * * * *"), ("Schedules:tick:Type", "probe"), ("Schedules:tick:Payload", "\"tick\""));
        IHost[] workers = [await queue.WorkerAsync(), await queue.WorkerAsync()];
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= 4, "four occurrences have run");
        Assert.Equal(queue.Runs.All.Count, queue.Runs.All.Select(run => run.Context.Id).Distinct().Count());
        Assert.Equal(1, workers.Count(worker => worker.Services.GetRequiredService<LeaderService>().IsLeader));
    }

    [BrokerFact]
    public async Task One_that_is_made_by_a_program_outlives_it_and_the_next_goes_on_where_it_stopped()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        await queue.ProducerAsync();
        IHost first = queue.Last;
        ISchedules schedules = first.Services.GetRequiredService<ISchedules>();
        await schedules.DefineAsync("tick", EverySecond);
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= 2, "two occurrences have run");
        await first.StopAsync();
        int before = queue.Runs.All.Count;
        IHost second = await queue.StartAsync(builder => builder.AddTaskQueue().Services.AddTaskSchedules());
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= before + 3, "three more have run");
        ISchedules again = second.Services.GetRequiredService<ISchedules>();
        Assert.True(await again.PauseAsync("tick"));
        Schedule known = (await again.FindAsync("tick"))!;
        Assert.True(known.IsPaused);
        Assert.Empty(known.Next);
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Context.Id == known.Runs[0].TaskId), "the last one has run");
        // None was left out by the change, and none is there twice.
        DateTimeOffset[] due = [.. known.Runs.Select(run => run.DueAt).Reverse()];
        Assert.All(due.Zip(due.Skip(1)), pair => Assert.Equal(TimeSpan.FromSeconds(1), pair.Second - pair.First));
        Assert.Equal(queue.Runs.All.Count, queue.Runs.All.Select(run => run.Context.Id).Distinct().Count());
    }

    [BrokerFact]
    public async Task What_a_leader_decided_is_seen_by_all_and_what_cannot_be_is_refused()
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        ISchedules one = queue.Last.Services.GetRequiredService<ISchedules>();
        await queue.ProducerAsync();
        ISchedules other = queue.Last.Services.GetRequiredService<ISchedules>();
        await one.DefineAsync("nightly", new ScheduleOptions { Cron = "0 3 * * *", TimeZone = "Europe/Berlin", Type = "probe" });
        await Eventually.TrueAsync(async () => await other.FindAsync("nightly") is not null, "the other one knows it");
        Assert.True(await other.RemoveAsync("nightly"));
        await Eventually.TrueAsync(async () => await one.FindAsync("nightly") is null, "the first one knows that it is gone");
        Assert.False(await one.RemoveAsync("nightly"));
        await Assert.ThrowsAsync<InvalidScheduleException>(() => one.DefineAsync("wrong", new ScheduleOptions { Cron = "never", Type = "probe" }));
        await Assert.ThrowsAsync<InvalidScheduleException>(() => one.DefineAsync("wr ong", EverySecond));
        Assert.Empty(await one.ListAsync());
    }

    [BrokerFact]
    public async Task The_end_of_a_task_is_told_before_the_next_occurrence_of_one_that_does_not_overlap()
    {
        await using TestQueue queue = new(broker, ("Schedules:long:Cron", "* * * * * *"), ("Schedules:long:Type", "probe"), ("Schedules:long:Payload", "\"long\""), ("Schedules:long:Overlap", "Skip"));
        TaskCompletionSource go = new(TaskCreationOptions.RunContinuationsAsynchronously);
        IHost worker = await queue.WorkerAsync(async (_, _) =>
        {
            await go.Task;
            return null;
        });
        ISchedules schedules = worker.Services.GetRequiredService<ISchedules>();
        await Eventually.TrueAsync(async () => (await schedules.FindAsync("long"))?.Runs.Count(run => run.TaskId is null) >= 2, "two were left out");
        Assert.Single(queue.Runs.All);
        go.SetResult();
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= 2, "the next one runs");
        await Eventually.TrueAsync(async () => (await schedules.FindAsync("long"))!.Runs.Any(run => run.TaskId == queue.Runs.All.Last().Context.Id), "it is known to have run");
    }

    [BrokerFact]
    public async Task A_type_that_is_gone_is_a_problem_of_its_schedule_alone()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        IHost knows = await queue.StartAsync(builder => builder.AddTaskQueue());
        ISchedules schedules = knows.Services.GetRequiredService<ISchedules>();
        await schedules.DefineAsync("gone", new ScheduleOptions { Cron = "* * * * * *", Type = "gone" });
        await schedules.DefineAsync("tick", EverySecond);
        await knows.StopAsync();
        int before = queue.Runs.All.Count;
        IHost knowsOne = await queue.StartAsync(builder => builder.AddTaskQueue().Services.AddTaskSchedules(), ("Types:probe:Timeout", "00:01:00"));
        ISchedules later = knowsOne.Services.GetRequiredService<ISchedules>();
        await Eventually.TrueAsync(async () => (await later.FindAsync("gone"))?.Problem is { } problem && problem.Contains("No task type 'gone'", StringComparison.Ordinal), "it says so");
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= before + 2, "the other one goes on");
        Assert.Null((await later.FindAsync("tick"))!.Problem);
    }

    [BrokerFact]
    public async Task A_log_or_a_queue_of_the_leader_that_is_deleted_is_made_again_with_what_was_in_it()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        await queue.ProducerAsync();
        ISchedules schedules = queue.Last.Services.GetRequiredService<ISchedules>();
        await schedules.DefineAsync("tick", EverySecond);
        await schedules.DefineAsync("nightly", new ScheduleOptions { Cron = "0 3 * * *", Type = "probe" });
        await using IChannel plain = await queue.PlainChannelAsync();
        foreach (string name in (string[])["leader.log", "leader"])
        {
            await plain.QueueDeleteAsync($"{queue.Prefix}.{name}");
            int before = queue.Runs.All.Count;
            await Eventually.TrueAsync(() => queue.Runs.All.Count >= before + 3, $"it goes on without {name}", TimeSpan.FromSeconds(60));
        }

        await queue.StartAsync(builder => builder.AddTaskQueue());
        ISchedules other = queue.Last.Services.GetRequiredService<ISchedules>();
        await Eventually.EqualAsync(2, async () => (await other.ListAsync()).Count, "both schedules are known to a program that starts later");
    }

    [BrokerFact]
    public async Task All_that_matters_is_written_anew_again_and_again_while_the_schedules_go_on()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        IHost host = await queue.StartAsync(builder =>
        {
            builder.Services.AddSingleton(new LeaderLimits(Entries: 5));
            builder.AddTaskQueue();
        });
        ISchedules schedules = host.Services.GetRequiredService<ISchedules>();
        await schedules.DefineAsync("nightly", new ScheduleOptions { Cron = "0 3 * * *", Type = "probe" });
        await schedules.DefineAsync("tick", EverySecond);
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= 8, "it goes on");
        await using IChannel plain = await queue.PlainChannelAsync();
        // Of the one that does nothing, too.
        await UntilWholeAsync(plain, $"{queue.Prefix}.leader.log", bodies => bodies.Count(body => body.Contains("\"nightly\"", StringComparison.Ordinal)) >= 2);
        Assert.True(host.Services.GetRequiredService<LeaderService>().IsLeader);
    }

    [BrokerFact]
    public async Task A_leader_that_reads_of_another_ends_and_what_it_says_meanwhile_is_passed_over()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync();
        await queue.ProducerAsync();
        ISchedules schedules = queue.Last.Services.GetRequiredService<ISchedules>();
        await schedules.DefineAsync("tick", EverySecond);
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.BasicPublishAsync("", $"{queue.Prefix}.leader.log", mandatory: true, new BasicProperties { Type = "leads", AppId = "another", CorrelationId = "another" }, default);
        await queue.LoggedAsync("another program leads");
        await queue.LoggedAsync("This process leads", times: 2);
        int before = queue.Runs.All.Count;
        // By a session that is over.
        await plain.BasicPublishAsync("", $"{queue.Prefix}.leader.log", mandatory: true, new BasicProperties { Type = "schedule.removed", AppId = "another" }, "{\"name\":\"tick\"}"u8.ToArray());
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= before + 3, "it goes on");
        Assert.NotNull(await schedules.FindAsync("tick"));
        // One that was enqueued, and not yet written down, is enqueued again.
        Assert.InRange(queue.Runs.All.Count - queue.Runs.All.Select(run => run.Context.Id).Distinct().Count(), 0, 1);
    }

    private static async Task UntilWholeAsync(IChannel channel, string stream, Func<List<string>, bool> holds)
    {
        List<string> bodies = [];
        TaskCompletionSource<bool> read = new(TaskCreationOptions.RunContinuationsAsynchronously);
        AsyncEventingBasicConsumer consumer = new(channel);
        consumer.ReceivedAsync += (_, message) =>
        {
            bodies.Add(System.Text.Encoding.UTF8.GetString(message.Body.Span));
            if (message.BasicProperties.Type == "whole")
            {
                read.TrySetResult(holds(bodies));
            }

            return Task.CompletedTask;
        };
        await channel.BasicQosAsync(0, 1000, global: false);
        await channel.BasicConsumeAsync(stream, autoAck: false, "", false, false, new Dictionary<string, object?> { ["x-stream-offset"] = "first" }, consumer);
        Assert.True(await read.Task.WaitAsync(TestEnvironment.Patience));
    }

    [BrokerFact]
    public async Task A_foreign_message_can_tell_the_leader_nothing_but_an_end()
    {
        await using TestQueue queue = new(broker, ("Schedules:nightly:Cron", "0 3 * * *"), ("Schedules:nightly:Type", "probe"));
        IHost worker = await queue.WorkerAsync();
        ISchedules schedules = worker.Services.GetRequiredService<ISchedules>();
        await Eventually.TrueAsync(async () => await schedules.FindAsync("nightly") is not null, "it is defined");
        await using IChannel plain = await queue.PlainChannelAsync();
        foreach (string told in (string[])["schedule.remove:nightly", "schedule:nightly", ":", "schedule", "schedule:", ":nightly", $"schedule:{new string('n', 400)}"])
        {
            BasicProperties properties = new() { Type = "probe", ContentType = "application/json", Headers = new Dictionary<string, object?> { ["wq-end-told"] = told } };
            await plain.BasicPublishAsync("", $"{queue.Prefix}.default", mandatory: true, properties, "\"x\""u8.ToArray());
        }

        // And what is no command at all.
        foreach ((string type, string body) in ((string, string)[])[("schedule.define", "{"), ("schedule.define", "null"), ("schedule.define", "{}"), ("schedule.run", "{\"name\":\"nightly\"}"), ("", ""), ("schedule.other", "{\"name\":\"nightly\"}"), ("schedule.define", "{\"name\":\"a b\",\"options\":{\"cron\":\"?\"}}"), ("schedule.define", "{\"name\":\"nulls\",\"options\":{\"cron\":null,\"timeZone\":null,\"type\":null,\"payload\":null}}")])
        {
            await plain.BasicPublishAsync("", $"{queue.Prefix}.leader", mandatory: true, new BasicProperties { Type = type }, System.Text.Encoding.UTF8.GetBytes(body));
        }

        await Eventually.TrueAsync(() => queue.Runs.All.Count == 7, "all have run");
        // What is asked for last is done last.
        Assert.True(await schedules.PauseAsync("nightly"));
        Assert.Single(await schedules.ListAsync(), schedule => schedule.Name == "nightly");
        Assert.True(worker.Services.GetRequiredService<LeaderService>().IsLeader);
    }
}
