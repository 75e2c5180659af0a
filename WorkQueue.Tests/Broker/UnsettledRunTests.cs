using System.Diagnostics;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>A task after whose run something fails in its worker, each time: not its handler, but a listener of the program's telemetry.</summary>
[Collection(BrokerTests.Name)]
public sealed class UnsettledRunTests(BrokerFixture broker)
{
    private const int Limit = 3;
    private static readonly string Reason = $"ran {Limit} times in one worker that could not settle it; the log of that worker says why";

    [BrokerTheory]
    [InlineData("quorum")]
    [InlineData("classic")]
    public async Task It_is_a_dead_letter_after_as_many_runs_as_a_task_may_be_delivered(string type)
    {
        await using TestQueue queue = OfType(type);
        ITaskQueue producer = await queue.ProducerAsync();
        EnqueuedTask task = await producer.ProbeAsync("fails");
        await producer.ProbeAsync("beside it");
        using ActivityListener fault = FailAfter(activity => activity.GetTagItem("messaging.message.id") as string == task.Id);
        await queue.WorkerAsync();
        BasicGetResult letter = await queue.TakeAsync("default.dead");
        Assert.Equal((task.Id, Reason), (letter.BasicProperties.MessageId, letter.Header("wq-reason")));
        await Eventually.TrueAsync(() => queue.Runs.All.Any(run => run.Text == "beside it"), "its neighbour has run");
        Assert.Equal(Limit, queue.Runs.All.Count(run => run.Text == "fails"));
        Assert.Single(queue.Runs.All, run => run.Text == "beside it");
    }

    [BrokerFact]
    public async Task One_without_an_id_on_a_classic_queue_is_known_by_what_it_holds()
    {
        await using TestQueue queue = OfType("classic");
        await queue.ProducerAsync();
        await queue.WorkerAsync();
        await using IChannel plain = await queue.PlainChannelAsync();
        string marker = Guid.NewGuid().ToString("N");
        using ActivityListener fault = FailAfter(activity => activity.DisplayName == "process default" && queue.Runs.All.Any(run => run.Text == marker && run.Context.Id == activity.GetTagItem("messaging.message.id") as string));
        await plain.BasicPublishAsync("", $"{queue.Prefix}.default", mandatory: true, new BasicProperties { Persistent = true, Type = "probe", ContentType = "text/plain" }, System.Text.Encoding.UTF8.GetBytes(marker));
        Assert.Equal(Reason, (await queue.TakeAsync("default.dead")).Header("wq-reason"));
        // Of its like are counted as many as once a second.
        Assert.InRange(queue.Runs.All.Count, Limit, 10 * Limit);
    }

    [BrokerFact]
    public async Task One_whose_slot_is_on_its_way_to_another_queue_goes_back_all_the_same()
    {
        TaskCompletionSource gate = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await using TestQueue queue = new(broker, ("Queues:high:DeliveryLimit", "10"), ("Queues:low:DeliveryLimit", $"{Limit}"), ("Worker:Queues", "high, low"));
        ITaskQueue producer = await queue.ProducerAsync();
        IHost worker = await queue.WorkerAsync(async (text, _) =>
        {
            await (text == "fails" ? gate.Task : Task.CompletedTask);
            return null;
        });
        string id = Guid.NewGuid().ToString();
        using ActivityListener fault = FailAfter(activity => activity.GetTagItem("messaging.message.id") as string == id);
        await producer.EnqueueAsync(NewTask.Json("probe", "fails") with { Queue = "low", Id = id });
        await queue.Runs.NextAsync();
        await producer.EnqueueAsync(NewTask.Json("probe", "other") with { Queue = "high" });
        await worker.LeavesAsync();
        gate.SetResult();
        BasicGetResult letter = await queue.TakeAsync("low.dead");
        Assert.Equal((id, Reason), (letter.BasicProperties.MessageId, letter.Header("wq-reason")));
        Assert.Single(queue.Runs.All, run => run.Text == "other");
    }

    private TestQueue OfType(string type) => new(broker, ("Queues:default:Type", type), ("Queues:default:DeliveryLimit", $"{Limit}"));

    private static ActivityListener FailAfter(Predicate<Activity> of)
    {
        ActivityListener listener = new()
        {
            ShouldListenTo = source => source.Name == "WorkQueue",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllData,
            ActivityStopped = activity =>
            {
                if (activity.Kind == ActivityKind.Consumer && of(activity))
                {
                    throw new InvalidOperationException("the exporter is odd");
                }
            },
        };
        ActivitySource.AddActivityListener(listener);
        return listener;
    }
}
