using System.Text;
using Microsoft.Extensions.DependencyInjection;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Unique;
using WorkQueue.Messaging.Wire;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Unit;

/// <summary>Leaders that die at each step of what they do for a key, and the next ones.</summary>
public sealed class UniqueTasksTests
{
    private readonly List<LeaderEntry> _log = [];
    private readonly List<OutgoingMessage> _published = [];

    public static TheoryData<int, bool> Deaths
    {
        get
        {
            TheoryData<int, bool> deaths = [];
            for (int steps = 0; steps < 9; steps++)
            {
                deaths.Add(steps, false);
                deaths.Add(steps, true);
            }

            return deaths;
        }
    }

    [Theory]
    [MemberData(nameof(Deaths))]
    public async Task A_leader_that_dies_at_any_step_leaves_one_task_of_a_key_with_the_newest_payload(int steps, bool isDone)
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler<string>("probe", (_, _) => Task.CompletedTask));
        LeaderEntry[] commands = [Command("one", UniqueRule.Skip), Command("two", UniqueRule.Replace), Command("three", UniqueRule.Replace)];
        UniqueTasks first = Leader(queue);
        Session dies = new(this, queue, steps, isDone);
        bool hasDied = false;
        try
        {
            await first.ObeyAsync(commands, dies);
        }
        catch (Exception death) when (death is PublishFailedException or TaskNotEnqueuedException)
        {
            hasDied = true;
        }

        Assert.Equal(steps < 6, hasDied);
        // None of them was acknowledged.
        UniqueTasks second = Leader(queue);
        Session lives = new(this, queue, int.MaxValue, false);
        await second.WorkAsync(lives, CancellationToken.None);
        IReadOnlyList<LeaderAnswer> answers = [.. await second.ObeyAsync(commands, lives), .. await second.ObeyAsync([Command("four", UniqueRule.Skip)], lives)];

        string id = Assert.Single(_published.Select(message => message.Properties.MessageId!).Distinct());
        Assert.All(answers, answer => Assert.Equal(id, UniqueEntries.ReadAnswer(answer.Text)!.Id));
        Assert.True(UniqueEntries.ReadAnswer(answers[^1].Text)!.Existing);
        OutgoingMessage newest = _published.MaxBy(message => { TaskHeaders.TryInteger(message.Properties.Headers, TaskHeaders.Redriven, out long? version); return version ?? 0; });
        Assert.Equal("three", Encoding.UTF8.GetString(newest.Body.Span));
    }

    [Fact]
    public async Task A_debounced_task_whose_time_has_come_is_put_off_anew_by_what_comes_then()
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler<string>("probe", (_, _) => Task.CompletedTask));
        DateTimeOffset now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        UniqueCommand asked = new("scope", TaskOf("a"), UniqueRule.Debounce, null, TimeSpan.FromSeconds(5), TimeSpan.FromSeconds(12));
        UniqueClaim claim = UniqueClaim.Of(asked, 0, "by", now);
        Assert.Equal(now.AddSeconds(5), claim.NotBefore);
        claim = claim.ReplacedBy(asked, "by", now.AddSeconds(4));
        claim = claim.ReplacedBy(asked, "by", now.AddSeconds(8));
        // Not beyond the limit since the first of them.
        Assert.Equal(now.AddSeconds(12), claim.NotBefore);
        claim = claim.ReplacedBy(asked, "by", now.AddSeconds(12));
        Assert.Equal((now.AddSeconds(17), now.AddSeconds(12)), (claim.NotBefore, claim.First));
    }

    [Fact]
    public async Task What_was_held_before_holds_again_where_the_newer_one_is_not_taken()
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler<string>("probe", (_, _) => Task.CompletedTask));
        UniqueTasks leader = Leader(queue);
        Session session = new(this, queue, int.MaxValue, false);
        string id = UniqueEntries.ReadAnswer((await leader.ObeyAsync([Command("one", UniqueRule.Skip)], session))[0].Text)!.Id;
        LeaderAnswer refused = (await leader.ObeyAsync([Command("two", UniqueRule.Replace, "nowhere")], session))[0];
        Assert.StartsWith("UnknownQueue\n", refused.Refusal, StringComparison.Ordinal);
        // Also for who reads it from the log; and its end frees the key.
        UniqueTasks next = Leader(queue);
        await next.WorkAsync(session, CancellationToken.None);
        Assert.Equal(id, UniqueEntries.ReadAnswer((await next.ObeyAsync([Command("three", UniqueRule.Skip)], session))[0].Text)!.Id);
        await next.ObeyAsync([new LeaderEntry(UniqueEntries.Ended, Encoding.UTF8.GetBytes($$"""{"name":"scope","taskId":"{{id}}","redriven":0,"state":"Succeeded"}"""))], session);
        Assert.False(UniqueEntries.ReadAnswer((await next.ObeyAsync([Command("four", UniqueRule.Skip)], session))[0].Text)!.Existing);
        Assert.Equal(["one", "four"], _published.Select(message => Encoding.UTF8.GetString(message.Body.Span)));
    }

    private UniqueTasks Leader(TestTaskQueue queue)
    {
        UniqueTasks leader = ActivatorUtilities.CreateInstance<UniqueTasks>(queue.Services);
        foreach (LeaderEntry entry in _log)
        {
            leader.Read(entry);
        }

        leader.Begin();
        return leader;
    }

    private static LeaderEntry Command(string text, UniqueRule rule, string queue = "default") =>
        new(UniqueEntries.Enqueue, UniqueEntries.Write(new UniqueCommand("scope", TaskOf(text) with { Queue = queue }, rule, null, null, null)), text);

    private static UniqueTask TaskOf(string text) => new() { Id = Guid.CreateVersion7().ToString(), Type = "probe", Queue = "default", Body = Encoding.UTF8.GetBytes(text), ContentType = "text/plain" };

    // Fails after some steps, which are done nevertheless, or not.
    private sealed class Session : ILeaderSession, IPublisher
    {
        private readonly UniqueTasksTests _test;
        private readonly bool _isDone;
        private int _left;

        public Session(UniqueTasksTests test, TestTaskQueue queue, int steps, bool isDone)
        {
            (_test, _left, _isDone) = (test, steps, isDone);
            Tasks = ActivatorUtilities.CreateInstance<TaskPublisher>(queue.Services, this);
        }

        public TaskPublisher Tasks { get; }

        public Task WriteAsync(LeaderEntry entry) => StepAsync(() => _test._log.Add(entry));

        public Task ReplyAsync(string queue, LeaderEntry entry) => Task.CompletedTask;

        public ValueTask PublishAsync(OutgoingMessage message, TimeSpan confirmTimeout, CancellationToken cancellationToken) =>
            new(StepAsync(() => _test._published.Add(message with { Body = message.Body.ToArray(), Properties = new BasicProperties(message.Properties) })));

        public Task RepairAsync() => Task.CompletedTask;

        private Task StepAsync(Action step)
        {
            bool dies = _left-- <= 0;
            if (!dies || _isDone)
            {
                step();
            }

            return dies ? throw new PublishFailedException(PublishOutcome.Unknown, "It died.") : Task.CompletedTask;
        }
    }
}
