using System.Diagnostics;
using Microsoft.EntityFrameworkCore;
using Microsoft.EntityFrameworkCore.Infrastructure;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Unique;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.EntityFrameworkCore.Storage;

/// <summary>Makes the row of a new task, by the rules and settings of the program whose context it is.</summary>
internal sealed class OutboxWriter
{
    private readonly ITaskQueue _queue;
    private readonly TaskTopology _topology;
    private readonly WorkQueueOptions _options;
    private readonly TimeProvider _clock;

    private OutboxWriter(IServiceProvider services)
    {
        _queue = services.GetRequiredService<ITaskQueue>();
        _topology = services.GetRequiredService<TaskTopology>();
        _options = services.GetRequiredService<IOptions<WorkQueueOptions>>().Value;
        _clock = services.GetRequiredService<TimeProvider>();
        Pending = services.GetService<PendingContexts>();
    }

    /// <summary>Where it is noted what a relay of this program is woken for; null where there is none.</summary>
    public PendingContexts? Pending { get; }

    /// <exception cref="InvalidOperationException">The context has no outbox, or knows no services that have a task queue.</exception>
    public static OutboxWriter Of(DbContext context)
    {
        OutboxTable.Of(context);
        IServiceProvider? services = context.GetService<IDbContextOptions>().FindExtension<CoreOptionsExtension>()?.ApplicationServiceProvider;
        return services?.GetService<TaskTopology>() is not null ? new OutboxWriter(services) : throw new InvalidOperationException(
            $"This {context.GetType().Name} knows nothing of a task queue, by whose settings a new task is checked: add it by services.AddDbContext, or options.UseApplicationServiceProvider(services), and call services.AddTaskQueue() or AddTaskOutbox().");
    }

    public NewTask Create<TPayload>(TPayload payload, TaskOptions? options) => _queue.CreateTask(payload, options);

    /// <exception cref="InvalidTaskException">The task is not acceptable.</exception>
    public OutboxTask RowOf(NewTask task)
    {
        DateTimeOffset now = _clock.GetUtcNow();
        TaskMessage message = NewTaskRules.Check(task, _options, _topology, now);
        NewTaskRules.Require(task.Unique is null || task.Body.Length <= UniqueClient.MaxPayloadBytes, UniqueClient.TooLarge(task.Body.Length), InvalidTaskReason.TooLarge);
        NewTask whole = task with { Id = message.Id, Type = message.Type, Queue = message.Queue };
        if (task.Unique is null)
        {
            // A delay begins here, not when the relay comes to it.
            whole = whole with { Delay = null, NotBefore = message.NotBefore };
        }

        Activity? here = Activity.Current is { IdFormat: ActivityIdFormat.W3C } current ? current : null;
        return new OutboxTask
        {
            TaskId = message.Id,
            Type = message.Type,
            Queue = message.Queue,
            Sequence = SequenceOf(_topology[message.Queue], message, task.Unique),
            EnqueuedAt = now,
            Format = TaskJson.Format,
            Task = TaskJson.Write(whole),
            TraceParent = here?.Id,
            TraceState = here?.TraceStateString,
        };
    }

    private static string? SequenceOf(TaskQueue queue, TaskMessage message, UniqueOptions? unique) =>
        queue.Lanes is { Order: LaneOrder.Keys, IsOrdered: true } ? queue.Lanes.Of(message.Type, message.Priority, message.Key ?? message.Id).Key
        : queue.Lanes.Order == LaneOrder.Keys && message.Key is { } key ? $"{queue.Name}\n{key}"
        // The newest of a key is to hold, whichever was confirmed first.
        : unique is { Then: not UniqueRule.Skip } ? $"unique\n{UniqueRules.ScopeOf(unique, message)}"
        : null;
}
