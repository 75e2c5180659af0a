using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>What the deliveries of all slots share.</summary>
internal sealed record TaskPipeline(
    TaskExecutor Executor, TaskSettler Settler, ControlLog Control, SuspectReporter Suspects, UnsettledRuns Unsettled, UnknownTypes Unknown, Solitude Solitude, TaskTopology Topology, IOptions<WorkQueueOptions> Options, WorkQueueTelemetry Telemetry, TimeProvider Clock, ILogger<TaskConsumer> Logger);
