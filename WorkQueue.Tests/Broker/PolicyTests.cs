using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;
using WorkQueue.Board.Broker;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What policies of the broker do to tasks; each test has one for its own prefix.</summary>
[Collection(ManagedBrokerTests.Name)]
public sealed class PolicyTests(ManagedBroker broker)
{
    [OwnedBrokerFact]
    public async Task Policies_that_work_against_the_queues_degrade_the_health_which_names_them_until_they_are_gone()
    {
        await using TestQueue queue = broker.NewQueue();
        await broker.SetPolicyAsync(queue, """{"delivery-limit":3,"message-ttl":2000}""");
        await queue.ProducerAsync();
        PolicyWatch watch = broker.NewWatch(queue);
        // The API tells of a queue's policy some seconds after the queue was made.
        HealthCheckResult health = await HealthAsync(watch, health => health.Description?.Contains(" and 17 more: message-ttl", StringComparison.Ordinal) == true);
        Assert.Equal(HealthStatus.Degraded, health.Status);
        string policy = $"policy '{queue.Prefix}'";
        Assert.Contains($"{queue.Prefix}.default.dead, {queue.Prefix}.unrouted: delivery-limit 3 of {policy}: a letter is lost", health.Description, StringComparison.Ordinal);
        Assert.Contains($"{queue.Prefix}.default: message-ttl 2000 of {policy}: ", health.Description, StringComparison.Ordinal);
        // From 4 s on.
        Assert.Contains($" and 17 more: message-ttl 2000 of {policy}: delayed tasks and retries come before their time", health.Description, StringComparison.Ordinal);

        await broker.SetPolicyAsync(queue, """{"delivery-limit":3,"message-ttl":2000}""", $"^(?!{queue.Prefix}\\.)");
        await HealthAsync(watch, health => health.Status == HealthStatus.Healthy);
    }

    [OwnedBrokerFact]
    public async Task A_policy_that_cuts_the_delay_ladder_short_makes_no_task_early()
    {
        await using TestQueue queue = broker.NewQueue();
        // The ladder's own arguments say where to, not the policy.
        await broker.SetPolicyAsync(queue, """{"message-ttl":1000,"dead-letter-exchange":"nowhere","dead-letter-strategy":"at-most-once"}""", $@"^{queue.Prefix}\.delay\.");
        TaskCompletionSource<DateTimeOffset> ran = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await queue.WorkerAsync((_, _) =>
        {
            ran.TrySetResult(TimeProvider.System.GetUtcNow());
            return Task.FromResult<object?>(null);
        });
        ITaskQueue producer = await queue.ProducerAsync();
        // Longer than a busy machine takes from level to level of the ladder, a second each.
        DateTimeOffset due = TimeProvider.System.GetUtcNow().AddSeconds(12);
        await producer.ProbeAsync(notBefore: due);
        DateTimeOffset started = await ran.Task.WaitAsync(TestEnvironment.Patience);
        // The tolerance for clocks.
        Assert.InRange(started, due.AddMilliseconds(-500), due.AddSeconds(5));
        Assert.Contains(queue.Logged, line => line.Contains("before its time, and waits again", StringComparison.Ordinal));
        Assert.Equal(1, Assert.Single(queue.Runs.All).Context.Attempt);
    }

    [OwnedBrokerFact]
    public async Task A_letter_under_a_delivery_limit_of_3_is_there_after_ten_looks_and_can_be_redriven()
    {
        bool fail = true;
        await using TestQueue queue = broker.NewQueue();
        await broker.SetPolicyAsync(queue, """{"delivery-limit":3}""", $@"^{queue.Prefix}\.default\.dead$");
        await queue.WorkerAsync((text, _) => fail ? throw new TaskRejectedException($"no: {text}") : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            builder.Configuration["WorkQueue:Board:Store"] = ":memory:";
            builder.Services.AddTaskProjection();
        });
        LetterList letters = host.Services.GetRequiredService<LetterList>();
        EnqueuedTask task = await producer.EnqueueAsync(NewTask.Json("probe", "a"));
        await Eventually.TrueAsync(async () => (await letters.ListAsync(new DeadLetterFilter(), CancellationToken.None)).Letters.Count == 1, "the letter is listed");
        await Eventually.TrueAsync(() => host.Services.GetRequiredService<IQueueCounts>() is { Current: [{ Dead: 1 }], Unrouted: 0 }, "the letter is counted");
        TaskProjection projection = host.Services.GetRequiredService<TaskProjection>();
        await Eventually.TrueAsync(() => !projection.Progress.IsReplaying, "the history is read");
        for (int look = 0; look < 10; look++)
        {
            (IReadOnlyList<DeadLetter> found, string? note) = await letters.ListAsync(new DeadLetterFilter(), CancellationToken.None);
            DeadLetter letter = Assert.Single(found);
            Assert.Equal((task.Id, "probe", "default", "no: a", 1, 0, "application/json", null), (letter.Id, letter.Type, letter.Queue, letter.Reason, letter.Attempt, letter.Redriven, letter.ContentType, note));
            Assert.Equal("\"a\""u8.ToArray(), letter.Payload.ToArray());
            Assert.NotNull(letter.DeadAt);
            Assert.Equal(1, await letters.CountAsync(new DeadLetterFilter { Error = "NO: A" }, CancellationToken.None));
        }

        fail = false;
        Assert.Equal(1, await host.Services.GetRequiredService<IDeadLetters>().RedriveAsync(new DeadLetterFilter()));
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 2, "it runs again");
        await Eventually.TrueAsync(async () => (await letters.ListAsync(new DeadLetterFilter(), CancellationToken.None)) is { Letters.Count: 0, Note: null }, "the letter is gone");
    }

    private static async Task<HealthCheckResult> HealthAsync(PolicyWatch watch, Func<HealthCheckResult, bool> isWanted)
    {
        HealthCheckResult health = default;
        await Eventually.TrueAsync(
            async () =>
            {
                await watch.RefreshAsync(CancellationToken.None);
                health = await watch.CheckHealthAsync(new HealthCheckContext());
                return isWanted(health);
            },
            "the health tells of the policy");
        return health;
    }
}
