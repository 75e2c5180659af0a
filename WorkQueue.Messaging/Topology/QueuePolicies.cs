using System.Text.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging;

/// <summary>
/// Finds the policies of the broker that work against the queues of this program. It asks nobody: what applies is told by RabbitMQ's management
/// API (<c>GET /api/queues/{vhost}</c>) or by <c>rabbitmqctl list_queues</c>. Registered by <c>AddTaskQueue()</c>.
/// </summary>
public sealed class QueuePolicies
{
    private readonly Dictionary<string, (QueueRole Role, string? TaskQueue)> _roles = new(StringComparer.Ordinal);

    internal QueuePolicies(TaskTopology topology, IOptions<WorkQueueOptions> options)
    {
        WorkQueueOptions settings = options.Value;
        TimeSpan longest = settings.Types.Values.Select(type => type.Timeout).OfType<TimeSpan>().Append(settings.Worker.TaskTimeout).Max() + settings.Worker.CancelGrace;
        foreach (TaskQueue queue in topology.All)
        {
            foreach (TaskLane lane in queue.Lanes.All)
            {
                _roles[lane.BrokerName] = (new QueueRole.Tasks(queue.Type == TaskQueueType.Quorum, longest), queue.Name);
            }

            _roles[queue.DeadBrokerName] = (new QueueRole.Letters(), queue.Name);
        }

        for (int level = 0; level < DelayLadder.Levels; level++)
        {
            _roles[topology.Delays.Level(level)] = (new QueueRole.Level(DelayLadder.TimeAt(level)), null);
        }

        _roles[topology.Delays.Unrouted] = (new QueueRole.Letters(), null);
        _roles[topology.History.Stream] = (new QueueRole.Stream(settings.HistoryRetention, settings.HistoryMaxBytes), null);
        _roles[topology.History.ControlStream] = (new QueueRole.Stream(settings.HistoryRetention, HistoryTopology.ControlMaxBytes), null);
    }

    /// <summary>What works against the queues of this program; those of others are passed over.</summary>
    /// <param name="applied">What policies do to each queue.</param>
    public IReadOnlyList<PolicyWarning> Check(IEnumerable<AppliedPolicy> applied)
    {
        ArgumentNullException.ThrowIfNull(applied);
        List<PolicyWarning> warnings = [];
        foreach (AppliedPolicy policy in applied)
        {
            if (_roles.TryGetValue(policy.Queue, out (QueueRole Role, string? TaskQueue) queue))
            {
                warnings.AddRange(PolicyRules.Check(queue.Role, policy.Definition).Select(
                    finding => new PolicyWarning(policy.Queue, queue.TaskQueue, finding.Key, TextOf(policy.Definition[finding.Key]), NameOf(policy), finding.Effect, finding.IsNote)));
            }
        }

        return warnings;
    }

    private static string TextOf(JsonElement value) => value.ValueKind == JsonValueKind.String ? value.GetString()! : value.GetRawText();

    // The broker does not say which of the two a key is from.
    private static string NameOf(AppliedPolicy applied) => string.Join(" or ", [.. Named("policy", applied.Policy), .. Named("operator policy", applied.OperatorPolicy)]);

    private static IEnumerable<string> Named(string kind, string? name) => string.IsNullOrEmpty(name) ? [] : [$"{kind} '{name}'"];
}
