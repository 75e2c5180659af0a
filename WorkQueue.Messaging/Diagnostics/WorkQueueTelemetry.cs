using System.Diagnostics;
using System.Diagnostics.Metrics;

namespace WorkQueue.Messaging.Diagnostics;

/// <summary>Every span, instrument and attribute, named by the OpenTelemetry messaging conventions (semantic-conventions 1.44).</summary>
internal sealed class WorkQueueTelemetry : IDisposable
{
    public const string Name = "WorkQueue";

    // Tasks may run for hours; the conventions' buckets end at 10 s.
    private static readonly InstrumentAdvice<double> Durations = new()
    {
        HistogramBucketBoundaries = [0.001, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300, 1800, 7200],
    };

    private readonly ActivitySource _source = new(Name);
    private readonly Counter<long> _sent;
    private readonly Counter<long> _consumed;
    private readonly Histogram<double> _operation;
    private readonly Histogram<double> _process;
    private readonly Histogram<double> _wait;
    private readonly Counter<long> _settled;
    private readonly UpDownCounter<long> _busy;
    private readonly UpDownCounter<long> _prefetch;

    public WorkQueueTelemetry(IMeterFactory meters)
    {
        Meter = meters.Create(Name);
        _sent = Meter.CreateCounter<long>("messaging.client.sent.messages", "{message}", "Messages sent to the broker.");
        _consumed = Meter.CreateCounter<long>("messaging.client.consumed.messages", "{message}", "Messages delivered to a handler, redeliveries included.");
        _operation = Meter.CreateHistogram("messaging.client.operation.duration", "s", "Time from a publish to its confirm.", advice: Durations);
        _process = Meter.CreateHistogram("messaging.process.duration", "s", "Time one attempt took.", advice: Durations);
        _wait = Meter.CreateHistogram("workqueue.task.wait", "s", "Time from the enqueue, or the moment a task was due, to its first start.", advice: Durations);
        _settled = Meter.CreateCounter<long>("workqueue.task.settled", "{task}", "Deliveries settled, by disposition.");
        _busy = Meter.CreateUpDownCounter<long>("workqueue.worker.busy", "{slot}", "Slots running a task.");
        _prefetch = Meter.CreateUpDownCounter<long>("workqueue.worker.prefetch", "{task}", "Tasks the slots may hold unacknowledged, those that run included.");
    }

    public Meter Meter { get; }

    /// <summary>The span of an enqueue; ends when the confirm is there. Its context travels with the task.</summary>
    public Activity? StartPublish(string exchange, string queue, string taskId) => !_source.HasListeners()
        ? null
        : _source.StartActivity($"publish {queue}", ActivityKind.Producer, default(ActivityContext), MessagingTags("send", "publish", $"{exchange}:{queue}", queue, taskId));

    /// <summary>The span of what is enqueued for somebody who is gone by then, as what follows a batch: in the trace of who asked for it; null where that had none.</summary>
    public Activity? StartFollowing(string name, string? traceParent, string? traceState)
    {
        if (!ActivityContext.TryParse(traceParent, traceState, isRemote: true, out ActivityContext origin))
        {
            return null;
        }

        // Where nobody listens here it carries the trace on all the same.
        return _source.HasListeners()
            ? _source.StartActivity(name, ActivityKind.Internal, origin)
            : new Activity(name) { TraceStateString = traceState }.SetParentId(origin.TraceId, origin.SpanId, origin.TraceFlags).Start();
    }

    /// <summary>The span of one attempt.</summary>
    public Activity? StartProcess(string destination, string queue, string taskId, string? traceParent, string? traceState, TraceLinks links)
    {
        // Without an origin the attempt starts a trace of its own, whatever activity happens to be current on this thread.
        Activity.Current = null;
        if (!_source.HasListeners())
        {
            return null;
        }

        ActivityContext.TryParse(traceParent, traceState, isRemote: true, out ActivityContext origin);
        bool asParent = links == TraceLinks.Parent;
        ActivityLink[] linked = !asParent && origin != default ? [new ActivityLink(origin)] : [];
        return _source.StartActivity(
            $"process {queue}", ActivityKind.Consumer, asParent ? origin : default, MessagingTags("process", "process", destination, queue, taskId), linked);
    }

    public void Sent(string destination, TimeSpan duration, string? error)
    {
        TagList tags = Tags("publish", destination, error);
        _sent.Add(1, tags);
        _operation.Record(duration.TotalSeconds, tags);
    }

    /// <summary>A run starts.</summary>
    /// <param name="destination">Its queue.</param>
    /// <param name="wait">How long it waited; null where that is not known, or was meant.</param>
    /// <param name="lane">Of which of the lanes of its queue it is; null where there is one.</param>
    public void Started(string destination, TimeSpan? wait, string? lane)
    {
        TagList tags = Tags("process", destination, null);
        _consumed.Add(1, tags);
        _busy.Add(1, tags);
        if (wait is { } waited)
        {
            if (lane is not null)
            {
                tags.Add("workqueue.lane", lane);
            }

            _wait.Record(Math.Max(0, waited.TotalSeconds), tags);
        }
    }

    public void Ended(string destination, string type, TimeSpan duration, string? error)
    {
        _busy.Add(-1, Tags("process", destination, null));
        TagList tags = Tags("process", destination, error);
        tags.Add("workqueue.task.type", type);
        _process.Record(duration.TotalSeconds, tags);
    }

    public void Settled(string destination, string type, string disposition)
    {
        TagList tags = Tags("settle", destination, null);
        tags.Add("workqueue.task.type", type);
        tags.Add("workqueue.task.disposition", disposition);
        _settled.Add(1, tags);
    }

    /// <summary>A slot may hold so many more tasks, or fewer.</summary>
    public void Prefetch(string destination, int change) => _prefetch.Add(change, Tags("process", destination, null));

    public void Dispose() => _source.Dispose();

    private static TagList Tags(string operation, string destination, string? error)
    {
        TagList tags = new()
        {
            { "messaging.system", "rabbitmq" },
            { "messaging.operation.name", operation },
            { "messaging.destination.name", destination },
        };
        if (error is not null)
        {
            tags.Add("error.type", error);
        }

        return tags;
    }

    private static TagList MessagingTags(string operationType, string operationName, string destination, string routingKey, string taskId)
    {
        TagList tags = Tags(operationName, destination, null);
        tags.Add("messaging.operation.type", operationType);
        tags.Add("messaging.rabbitmq.destination.routing_key", routingKey);
        tags.Add("messaging.message.id", taskId);
        return tags;
    }
}
