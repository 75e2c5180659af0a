using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

public sealed class NewTaskRulesTests
{
    private static readonly DateTimeOffset Now = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);

    private readonly WorkQueueOptions _options = new()
    {
        Queues = { ["default"] = new QueueOptions { DefaultType = "simulate" }, ["slow"] = new QueueOptions() },
        Types = { ["simulate"] = new TaskTypeOptions(), ["render-pdf"] = new TaskTypeOptions { Queue = "slow" } },
        MaxPayloadBytes = 10,
    };

    [Fact]
    public void A_text_without_type_is_of_the_default_type_of_the_default_queue()
    {
        TaskMessage message = Check(NewTask.Text("Hello."));
        Assert.Equal(("simulate", "default", 1, Now), (message.Type, message.Queue, message.Attempt, message.EnqueuedAt));
    }

    [Fact]
    public void A_type_has_its_own_queue_unless_the_task_names_one()
    {
        Assert.Equal("slow", Check(NewTask.Json("render-pdf", 1)).Queue);
        Assert.Equal("default", Check(NewTask.Json("render-pdf", 1) with { Queue = "default" }).Queue);
    }

    [Fact]
    public void A_type_with_a_limit_or_a_rate_goes_to_its_queue_alone()
    {
        _options.Types["render-pdf"].MaxRunning = 2;
        AssertInvalid(InvalidTaskReason.Malformed, "Tasks of type 'render-pdf' go to queue 'slow' alone: no more than WorkQueue:Types:render-pdf:MaxRunning run at once, and that is kept there.", NewTask.Json("render-pdf", 1) with { Queue = "default" });
        _options.Types["render-pdf"] = new TaskTypeOptions { Queue = "slow", Rate = "30/00:01:00" };
        AssertInvalid(InvalidTaskReason.Malformed, "Tasks of type 'render-pdf' go to queue 'slow' alone: no more than WorkQueue:Types:render-pdf:Rate start, and that is kept there.", NewTask.Json("render-pdf", 1) with { Queue = "default" });
        Assert.Equal("slow", Check(NewTask.Json("render-pdf", 1)).Queue);
    }

    [Fact]
    public void A_new_id_is_a_UUID_of_version_7_and_a_given_one_is_kept()
    {
        Assert.Equal(Now, TaskIds.CreatedAt(Check(NewTask.Text("x")).Id));
        Assert.Equal("order-17", Check(NewTask.Text("x") with { Id = "order-17" }).Id);
    }

    [Fact]
    public void A_time_in_the_past_means_now() => Assert.Null(Check(NewTask.Text("x") with { NotBefore = Now.AddDays(-1) }).NotBefore);

    [Fact]
    public void An_unknown_type_is_refused_with_the_known_ones() =>
        AssertInvalid(InvalidTaskReason.UnknownType, "No task type 'resize'. Known: render-pdf, simulate.", NewTask.Json("resize", 1));

    [Fact]
    public void Without_a_catalogue_every_type_is_accepted()
    {
        _options.Types.Clear();
        Assert.Equal("resize", Check(NewTask.Json("resize", 1)).Type);
    }

    [Fact]
    public void An_unknown_queue_is_refused_with_the_known_ones() =>
        AssertInvalid(InvalidTaskReason.UnknownQueue, "No queue 'fast'. Known: default, slow.", NewTask.Text("x") with { Queue = "fast" });

    [Fact]
    public void A_payload_over_the_limit_is_refused() =>
        AssertInvalid(InvalidTaskReason.TooLarge, "The payload has 11 bytes; WorkQueue:MaxPayloadBytes allows 10.", NewTask.Text("12345678901"));

    [Theory]
    [InlineData("")]
    [InlineData("a b")]
    [InlineData("a.b")]
    [InlineData("ä")]
    public void A_type_of_other_characters_is_refused(string type) => AssertInvalid(InvalidTaskReason.Malformed, "is no task type", NewTask.Json(type, 1));

    [Fact]
    public void A_delay_beyond_the_ladder_is_refused() =>
        AssertInvalid(InvalidTaskReason.Malformed, "the longest delay is 48.5 days", NewTask.Text("x") with { NotBefore = Now.AddDays(49) });

    [Fact]
    public void A_deadline_before_the_start_is_refused()
    {
        AssertInvalid(InvalidTaskReason.Malformed, "is over before", NewTask.Text("x") with { Deadline = Now });
        AssertInvalid(InvalidTaskReason.Malformed, "is over before", NewTask.Text("x") with { NotBefore = Now.AddHours(2), Deadline = Now.AddHours(1) });
    }

    [Fact]
    public void An_id_that_no_AMQP_property_can_hold_is_refused()
    {
        AssertInvalid(InvalidTaskReason.Malformed, "A task id has", NewTask.Text("x") with { Id = new string('x', 256) });
        AssertInvalid(InvalidTaskReason.Malformed, "A task id has", NewTask.Text("x") with { Id = "a\nb" });
        // Cut in two, which is another text on the wire.
        AssertInvalid(InvalidTaskReason.Malformed, "A task id has", NewTask.Text("x") with { Id = "😀"[..1] });
    }

    private TaskMessage Check(NewTask task) => NewTaskRules.Check(task, _options, new TaskTopology(Options.Create(_options)), Now);

    private void AssertInvalid(InvalidTaskReason reason, string message, NewTask task)
    {
        InvalidTaskException refusal = Assert.Throws<InvalidTaskException>(() => Check(task));
        Assert.Equal(reason, refusal.Reason);
        Assert.Contains(message, refusal.Message, StringComparison.Ordinal);
    }
}
