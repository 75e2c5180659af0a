using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

/// <summary>What a chain must be like, and the ids of its tasks.</summary>
public sealed class ChainRulesTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly WorkQueueOptions _options = new()
    {
        Queues = { ["slow"] = new QueueOptions() },
        Types = { ["simulate"] = new TaskTypeOptions(), ["render-pdf"] = new TaskTypeOptions { Queue = "slow" } },
    };

    [Fact]
    public void What_comes_after_a_task_travels_with_it_each_with_its_queue()
    {
        ChainLink chain = Check(Task("simulate") with { Then = [Task("render-pdf", "\"é\"") with { Delay = TimeSpan.FromSeconds(5) }, NewTask.Text("two\nlines") with { Type = "simulate" }] }).Chain!;
        Assert.Equal((0, null), (chain.Place, chain.Previous));
        Assert.Equal("""[{"type":"render-pdf","queue":"slow","delay":"00:00:05","payload":"é"},{"type":"simulate","queue":"default","text":"two\nlines"}]""", chain.Then);
        IReadOnlyList<NewTask> steps = StepCodec.Read(chain.Then);
        Assert.Equal(("slow", "\"é\"", "application/json", TimeSpan.FromSeconds(5)), (steps[0].Queue, Encoding.UTF8.GetString(steps[0].Body.Span), steps[0].ContentType, steps[0].Delay));
        Assert.Equal(("two\nlines", "text/plain", null), (Encoding.UTF8.GetString(steps[1].Body.Span), steps[1].ContentType, steps[1].Delay));
    }

    [Fact]
    public void A_task_without_others_after_it_is_no_chain() => Assert.Null(Check(Task("simulate")).Chain);

    [Fact]
    public void A_task_that_is_run_again_takes_its_place_in_the_chain()
    {
        TaskChain place = new() { First = "order-17", Place = 2, Previous = [JsonElement.Parse("1"), JsonElement.Parse("null")] };
        Assert.Equal(new ChainLink("order-17", 2, null, "[1,null]"), Check(Task("simulate") with { Chain = place }).Chain);
        Assert.Contains("earlier results", Refusal(Task("simulate") with { Chain = place with { Previous = [JsonElement.Parse($"\"{new string('x', 33_000)}\"")] } }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void What_breaks_a_rule_is_named_by_its_index()
    {
        AssertRefused(InvalidTaskReason.UnknownType, "then[1]: No task type 'resize'. Known: render-pdf, simulate.", Task("resize"));
        AssertRefused(InvalidTaskReason.UnknownQueue, "then[1]: No queue 'high'. Known: default, slow.", Task("simulate") with { Queue = "high" });
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: '…' is no task type", Task("…"));
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: its payload is no JSON: ", Task("simulate", "{\"a"));
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: its payload is no JSON: ", Task("simulate") with { Body = new byte[] { 0x22, 0xff, 0x22 } });
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: its payload is no JSON: ", Task("simulate", new string('[', 200) + new string(']', 200)));
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: A task that comes after another has neither an id", Task("simulate") with { Id = "x" });
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: A task that comes after another has neither an id", Task("simulate") with { Then = [Task("simulate")] });
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: A task that comes after another has no times", Task("simulate") with { NotBefore = Now.AddDays(1) });
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: A task that comes after another has no times", Task("simulate") with { Deadline = Now.AddDays(1) });
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: The task has the delay 50.00:00:00; a delay is not negative, and the longest is 48.5 days.", Task("simulate") with { Delay = TimeSpan.FromDays(50) });
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: It is null.", null!);
        AssertRefused(InvalidTaskReason.Malformed, "then[1]: 'text/html' is no content type", Task("simulate") with { ContentType = "text/html" });
    }

    [Fact]
    public void A_thousand_small_tasks_travel_and_what_is_larger_than_a_frame_bears_is_refused_with_the_limit()
    {
        NewTask[] thousand = [.. Enumerable.Range(0, 1000).Select(number => Task("simulate", $"{number}"))];
        Assert.Equal(1000, StepCodec.Read(Check(Task("simulate") with { Then = thousand }).Chain!.Then).Count);
        InvalidTaskException refusal = Refusal(Task("simulate") with { Then = [.. thousand, .. thousand] });
        Assert.Equal(InvalidTaskReason.TooLarge, refusal.Reason);
        Assert.Contains("bytes as JSON; 65536 travel with a task. Send a reference to what is large", refusal.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_delay_is_counted_from_the_enqueue()
    {
        Assert.Equal(Now.AddMinutes(5), Check(Task("simulate") with { Delay = TimeSpan.FromMinutes(5) }).NotBefore);
        Assert.Contains("longest", Refusal(Task("simulate") with { Delay = TimeSpan.MaxValue }).Message, StringComparison.Ordinal);
        Assert.Contains("give one of them", Refusal(Task("simulate") with { Delay = TimeSpan.Zero, NotBefore = Now }).Message, StringComparison.Ordinal);
        Assert.Contains("over before the task may start", Refusal(Task("simulate") with { Delay = TimeSpan.FromMinutes(5), Deadline = Now.AddMinutes(1) }).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_ids_of_a_chain_are_made_from_the_first_and_have_its_time()
    {
        TaskChain chain = new() { First = Guid.CreateVersion7(Now).ToString(), Place = 0 };
        string[] ids = [.. Enumerable.Range(0, 1000).Select(chain.IdOf)];
        Assert.Equal(chain.First, ids[0]);
        Assert.Equal(1000, ids.Distinct().Count());
        Assert.All(ids, id => Assert.Equal(Now, TaskIds.CreatedAt(id)));
        Assert.Equal(ids, Enumerable.Range(0, 1000).Select(chain.IdOf));
        Assert.All(ids, id => Assert.Contains(Guid.Parse(id).Variant, (int[])[8, 9, 10, 11]));
    }

    [Fact]
    public void A_first_id_of_another_kind_gives_ids_that_tell_no_time()
    {
        TaskChain chain = new() { First = "order-17", Place = 0 };
        Assert.Equal((8, null), (Guid.Parse(chain.IdOf(1)).Version, TaskIds.CreatedAt(chain.IdOf(1))));
        // What is on brokers must be found again by every later version.
        Assert.Equal("order-17", chain.IdOf(0));
        Assert.Equal(Expected("order-17/1"), chain.IdOf(1));
    }

    private static string Expected(string text)
    {
        string hash = Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Encoding.UTF8.GetBytes(text)));
        return $"{hash[..8]}-{hash[8..12]}-8{hash[13..16]}-{(Convert.ToInt32(hash[16..18], 16) & 0x3f) | 0x80:x2}{hash[18..20]}-{hash[20..32]}";
    }

    private static NewTask Task(string type, string payload = "{}") => new() { Type = type, Body = Encoding.UTF8.GetBytes(payload), ContentType = "application/json" };

    private void AssertRefused(InvalidTaskReason reason, string message, NewTask step)
    {
        InvalidTaskException refusal = Refusal(Task("simulate") with { Then = [Task("simulate"), step] });
        Assert.Equal(reason, refusal.Reason);
        Assert.StartsWith(message, refusal.Message, StringComparison.Ordinal);
    }

    private InvalidTaskException Refusal(NewTask task) => Assert.Throws<InvalidTaskException>(() => Check(task));

    private TaskMessage Check(NewTask task) => NewTaskRules.Check(task, _options, new TaskTopology(Options.Create(_options)), Now);
}
