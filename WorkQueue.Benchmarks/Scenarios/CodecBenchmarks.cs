using BenchmarkDotNet.Attributes;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Consuming;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>The measured methods; public, with results that are kept, as BenchmarkDotNet asks.</summary>
public class CodecBenchmarks
{
    private static readonly TimeSpan[] Delays = [TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(4)];

    private readonly DateTimeOffset _now = new(2025, 1, 1, 0, 0, 0, TimeSpan.Zero);
    private readonly TaskQueue _queue = new("default", "wq", new QueueOptions(), TimeSpan.FromMinutes(30));
    private readonly TaskOutcome _succeeded = TaskOutcome.Completed.Silently;
    private readonly TaskOutcome _failed = new TaskOutcome.Failed("no answer", new TimeoutException("no answer in 5 s"));
    private readonly TaskMessage _task;
    private readonly BasicProperties _properties;

    public CodecBenchmarks()
    {
        _task = new TaskMessage
        {
            Id = "01a1fc80-1f02-7ce9-a264-9d53346c035d",
            Type = "noop",
            Queue = "default",
            Body = new byte[100],
            ContentType = TaskCodec.JsonContent,
            EnqueuedAt = _now,
        };
        _properties = TaskCodec.Write(_task, _now);
    }

    [Benchmark(Description = "write a task")]
    public object Write() => TaskCodec.Write(_task, _now);

    [Benchmark(Description = "read a task")]
    public object Read() => TaskCodec.Read(1, false, _properties, _task.Body, _queue);

    [Benchmark(Description = "decide on a success")]
    public object Success() => RetryPolicy.Decide(_succeeded, 1, Delays, 0.2, 0.5, _now);

    [Benchmark(Description = "decide on a failure")]
    public object Failure() => RetryPolicy.Decide(_failed, 1, Delays, 0.2, 0.5, _now);
}
