using System.Collections.Concurrent;
using System.Diagnostics;
using System.Diagnostics.Metrics;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

[Collection(BrokerTests.Name)]
public sealed class TelemetryTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task Enqueue_and_every_attempt_are_one_trace()
    {
        await using TestQueue queue = new(broker, ("Retry:Delays:0", "00:00:00.250"));
        using ActivityRecorder recorder = new();
        IHost worker = await queue.WorkerAsync((_, context) => context.Attempt == 1 ? throw new InvalidOperationException("boom") : Task.FromResult<object?>(null));
        EnqueuedTask task = await (await queue.ProducerAsync()).ProbeAsync();
        await queue.Runs.NextAsync();
        await queue.Runs.NextAsync();
        await worker.StopAsync();
        Activity[] spans = recorder.Of(task.Id);
        Activity publish = Assert.Single(spans, span => span.Kind == ActivityKind.Producer);
        Activity[] attempts = [.. spans.Where(span => span.Kind == ActivityKind.Consumer)];
        Assert.Equal(("publish default", "process default"), (publish.DisplayName, attempts[0].DisplayName));
        Assert.Equal(2, attempts.Length);
        Assert.All(attempts, attempt => Assert.Equal((publish.TraceId, publish.SpanId), (attempt.TraceId, attempt.ParentSpanId)));
        Assert.Equal([ActivityStatusCode.Error, ActivityStatusCode.Unset], attempts.Select(attempt => attempt.Status));
    }

    [BrokerFact]
    public async Task With_links_each_attempt_is_a_trace_of_its_own_that_points_to_the_enqueue()
    {
        await using TestQueue queue = new(broker, ("TraceLinks", "Link"));
        using ActivityRecorder recorder = new();
        IHost worker = await queue.WorkerAsync();
        EnqueuedTask task = await (await queue.ProducerAsync()).ProbeAsync();
        await queue.Runs.NextAsync();
        await worker.StopAsync();
        Activity[] spans = recorder.Of(task.Id);
        Activity publish = Assert.Single(spans, span => span.Kind == ActivityKind.Producer);
        Activity attempt = Assert.Single(spans, span => span.Kind == ActivityKind.Consumer);
        Assert.NotEqual(publish.TraceId, attempt.TraceId);
        Assert.Equal(publish.SpanId, Assert.Single(attempt.Links).Context.SpanId);
    }

    [BrokerFact]
    public async Task A_chain_is_one_trace_in_which_each_task_hangs_on_the_run_before_it()
    {
        await using TestQueue queue = new(broker);
        using ActivityRecorder recorder = new();
        IHost worker = await queue.WorkerAsync();
        EnqueuedTask task = await (await queue.ProducerAsync()).EnqueueAsync(NewTask.Json("probe", "a") with { Then = [NewTask.Json("probe", "b"), NewTask.Json("probe", "c")] });
        TaskChain chain = new() { First = task.Id, Place = 0 };
        for (int place = 0; place < 3; place++)
        {
            await queue.Runs.NextAsync();
        }

        await worker.StopAsync();
        Activity publish = Assert.Single(recorder.Of(task.Id), span => span.Kind == ActivityKind.Producer);
        Activity[] runs = [.. Enumerable.Range(0, 3).Select(place => Assert.Single(recorder.Of(chain.IdOf(place)), span => span.Kind == ActivityKind.Consumer))];
        Assert.All(runs, run => Assert.Equal(publish.TraceId, run.TraceId));
        Assert.Equal([publish.SpanId, runs[0].SpanId, runs[1].SpanId], runs.Select(run => run.ParentSpanId));
    }

    [BrokerFact]
    public async Task The_metrics_of_design_are_measured_once_per_task()
    {
        await using TestQueue queue = new(broker);
        using MetricRecorder recorder = new($"{queue.Prefix}.tasks");
        IHost worker = await queue.WorkerAsync();
        await (await queue.ProducerAsync()).ProbeAsync();
        await queue.Runs.NextAsync();
        await worker.StopAsync();
        Assert.Equal(
            ["messaging.client.consumed.messages", "messaging.client.operation.duration", "messaging.client.sent.messages", "messaging.process.duration", "workqueue.task.settled", "workqueue.task.wait"],
            recorder.Names.Where(name => name is not ("workqueue.worker.busy" or "workqueue.worker.prefetch")).Order());
        Assert.Equal(2, recorder.Names.Count(name => name == "workqueue.worker.busy"));
    }

    [BrokerFact]
    public async Task The_wait_of_a_task_is_told_by_the_lane_of_its_queue()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Priorities", "true"));
        using MetricRecorder recorder = new($"{queue.Prefix}.tasks");
        IHost worker = await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        foreach (TaskPriority priority in Enum.GetValues<TaskPriority>())
        {
            await producer.EnqueueAsync(NewTask.Json("probe", "") with { Priority = priority });
            await queue.Runs.NextAsync();
        }

        await worker.StopAsync();
        Assert.Equal(["default", "default:high", "default:low"], recorder.Lanes.Order(StringComparer.Ordinal));
    }

    private sealed class MetricRecorder : IDisposable
    {
        private readonly MeterListener _listener = new();

        public MetricRecorder(string prefix)
        {
            _listener.InstrumentPublished = (instrument, listener) =>
            {
                if (instrument.Meter.Name == "WorkQueue")
                {
                    listener.EnableMeasurementEvents(instrument);
                }
            };
            _listener.SetMeasurementEventCallback<double>((instrument, _, tags, _) => Add(instrument, tags, prefix));
            _listener.SetMeasurementEventCallback<long>((instrument, _, tags, _) => Add(instrument, tags, prefix));
            _listener.Start();
        }

        public ConcurrentQueue<string> Names { get; } = new();

        public ConcurrentQueue<string> Lanes { get; } = new();

        public void Dispose() => _listener.Dispose();

        private void Add(Instrument instrument, ReadOnlySpan<KeyValuePair<string, object?>> tags, string prefix)
        {
            foreach (KeyValuePair<string, object?> tag in tags)
            {
                if (tag.Key == "messaging.destination.name" && tag.Value is string destination && destination.StartsWith(prefix, StringComparison.Ordinal))
                {
                    Names.Enqueue(instrument.Name);
                }

                if (tag.Key == "workqueue.lane" && tag.Value is string lane)
                {
                    Lanes.Enqueue(lane);
                }
            }
        }
    }
}
