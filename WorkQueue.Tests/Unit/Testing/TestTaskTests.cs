using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using static WorkQueue.Tests.Unit.Testing.Probe;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>A queue in memory: what is told of tasks, and what is refused.</summary>
public sealed class TestTaskTests
{
    [Fact]
    public async Task The_first_success_is_final_and_a_second_run_of_the_id_a_duplicate()
    {
        int runs = 0;
        await using TestTaskQueue queue = Queue((_, _) => ++runs == 1 ? Done("first") : throw new TaskRejectedException("second"));
        NewTask same = NewTask.Json("probe", "x") with { Id = "17" };
        await queue.EnqueueAsync(same);
        await queue.EnqueueAsync(same);
        await queue.RunAsync();
        Assert.Equal((2, TaskState.Succeeded, "first"), (runs, queue["17"].State, queue["17"].ReadResult<string>()));
    }

    [Fact]
    public async Task Progress_is_kept_report_by_report()
    {
        await using TestTaskQueue queue = Queue((_, context) =>
        {
            context.ReportProgress(10, "reading");
            context.ReportProgress(250);
            return Done();
        });
        TestTask task = await queue.ProbeAsync();
        await queue.RunAsync();
        Assert.Equal([(10, "reading"), (100, null)], task.Progress);
    }

    [Fact]
    public async Task A_result_that_cannot_be_kept_is_told_to_who_reads_it()
    {
        await using TestTaskQueue queue = Queue((text, _) => Done(text == "large" ? new string('x', 100) : text == "none" ? null : new Func<int>(() => 1)), options => options.MaxResultBytes = 50);
        TestTask large = await queue.ProbeAsync("large");
        TestTask odd = await queue.ProbeAsync("odd");
        TestTask none = await queue.ProbeAsync("none");
        await queue.RunAsync();
        Assert.Equal([TaskState.Succeeded, TaskState.Succeeded], [large.State, odd.State]);
        Assert.Equal("Its result was not kept: The result has more than 50 bytes.", Assert.Throws<InvalidOperationException>(large.ReadResult<string>).Message);
        Assert.Contains("cannot be written as JSON", Assert.Throws<InvalidOperationException>(odd.ReadResult<string>).Message, StringComparison.Ordinal);
        Assert.Null(none.ReadResult<string>());
    }

    [Fact]
    public async Task A_payload_that_does_not_fit_is_a_dead_letter()
    {
        await using TestTaskQueue queue = Queue((_, _) => Done());
        EnqueuedTask task = await queue.EnqueueAsync(new NewTask { Type = "probe", Body = "{\"a"u8.ToArray(), ContentType = "application/json" });
        await queue.RunAsync();
        Assert.StartsWith("the payload does not fit type probe: ", queue[task.Id].Reason, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Dead_letters_are_redriven_and_discarded()
    {
        bool works = false;
        await using TestTaskQueue queue = Queue((_, _) => works ? Done("now") : throw new TaskRejectedException("not yet"));
        TestTask first = await queue.ProbeAsync();
        TestTask second = await queue.ProbeAsync();
        await queue.RunAsync();
        works = true;
        Assert.Equal(1, await queue.RedriveAsync(new DeadLetterFilter { Ids = new HashSet<string> { first.Id } }));
        Assert.Equal(TaskState.Queued, first.State);
        await queue.RunAsync();
        Assert.Equal((TaskState.Succeeded, "now"), (first.State, first.ReadResult<string>()));
        Assert.Equal(second.Id, Assert.Single(queue.DeadLetters).Id);
        Assert.Equal(1, await queue.DiscardAsync());
        Assert.Equal((TaskState.Cancelled, "dead letter discarded"), (second.State, second.Reason));
        Assert.Empty(queue.DeadLetters);
        await Assert.ThrowsAsync<InvalidTaskException>(() => queue.RedriveAsync(new DeadLetterFilter { Queue = "nowhere" }));
    }

    [Fact]
    public async Task Wrong_settings_and_tasks_are_refused_as_by_a_real_queue()
    {
        OptionsValidationException wrong = Assert.Throws<OptionsValidationException>(() => Queue((_, _) => Done(), options => options.Worker.Concurrency = 0));
        Assert.Contains("WorkQueue:Worker:Concurrency is '0'; allowed: 1 to 1024.", wrong.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new TestTaskQueue(services => services.AddTaskHandler<string>("no type!", (_, _) => Task.CompletedTask)));
        await using TestTaskQueue queue = Queue((_, _) => Done(), options =>
        {
            options.Types["probe"] = new TaskTypeOptions();
            options.Queues["small"] = new QueueOptions { MaxLength = 1 };
        });
        InvalidTaskException noQueue = await Assert.ThrowsAsync<InvalidTaskException>(() => queue.EnqueueAsync(NewTask.Json("probe", "") with { Queue = "nowhere" }));
        InvalidTaskException noType = await Assert.ThrowsAsync<InvalidTaskException>(() => queue.EnqueueAsync("resize", ""));
        Assert.Equal((InvalidTaskReason.UnknownQueue, InvalidTaskReason.UnknownType), (noQueue.Reason, noType.Reason));
        await queue.EnqueueAsync(NewTask.Json("probe", "") with { Queue = "small" });
        TaskNotEnqueuedException full = await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => queue.EnqueueAsync(NewTask.Json("probe", "") with { Queue = "small" }));
        Assert.Equal(PublishOutcome.QueueFull, full.Outcome);
    }
}
