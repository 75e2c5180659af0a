using System.Text.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Tests.Unit;

public sealed class PolicyRulesTests
{
    private static readonly QueueRole Quorum = new QueueRole.Tasks(IsQuorum: true, TimeSpan.FromMinutes(25));
    private static readonly QueueRole Classic = new QueueRole.Tasks(IsQuorum: false, TimeSpan.FromMinutes(25));
    private static readonly QueueRole Letters = new QueueRole.Letters();
    private static readonly QueueRole Level = new QueueRole.Level(TimeSpan.FromSeconds(4));
    private static readonly QueueRole Stream = new QueueRole.Stream(TimeSpan.FromDays(60), 1_000_000);

    public static TheoryData<string, string, string> Harmful => new()
    {
        { "quorum", """{"delivery-limit":999}""", "delivery-limit" },
        { "quorum", """{"message-ttl":60000}""", "message-ttl" },
        { "quorum", """{"expires":60000}""", "expires" },
        { "quorum", """{"max-length":5}""", "max-length" },
        { "quorum", """{"max-length":5,"overflow":"drop-head"}""", "max-length,overflow" },
        { "quorum", """{"max-length-bytes":5,"overflow":"reject-publish"}""", "max-length-bytes" },
        { "quorum", """{"consumer-timeout":60000}""", "consumer-timeout" },
        { "classic", """{"message-ttl":60000,"delivery-limit":1,"overflow":"drop-head"}""", "message-ttl" },
        { "classic", """{"max-length":5}""", "max-length" },
        { "letters", """{"delivery-limit":1000}""", "delivery-limit" },
        { "letters", """{"message-ttl":1,"expires":1,"max-length":1}""", "message-ttl,expires,max-length" },
        { "level", """{"message-ttl":3999}""", "message-ttl" },
        { "level", """{"expires":1,"dead-letter-routing-key":"x","overflow":"drop-head"}""", "expires,overflow,dead-letter-routing-key" },
        { "stream", """{"max-age":"7D","max-length-bytes":999999}""", "max-age,max-length-bytes" },
    };

    public static TheoryData<string, string> Harmless => new()
    {
        { "quorum", """{"delivery-limit":1000,"consumer-timeout":1800000,"overflow":"reject-publish"}""" },
        // The arguments of the queue come first.
        { "quorum", """{"dead-letter-exchange":"x","dead-letter-routing-key":"y","dead-letter-strategy":"at-most-once"}""" },
        { "quorum", """{"delivery-limit":-1,"max-in-memory-length":5,"queue-leader-locator":"balanced"}""" },
        { "classic", """{"ha-mode":"all"}""" },
        { "letters", """{"consumer-timeout":1000,"overflow":"reject-publish"}""" },
        { "level", """{"delivery-limit":3,"message-ttl":4000,"dead-letter-exchange":"x"}""" },
        { "stream", """{"max-age":"1Y","max-length-bytes":1000000}""" },
    };

    [Theory]
    [MemberData(nameof(Harmful))]
    public void A_policy_that_makes_tasks_early_late_or_lost_is_found_by_its_key(string role, string policy, string keys)
    {
        PolicyFinding[] found = [.. PolicyRules.Check(RoleOf(role), Read(policy))];
        Assert.Equal(keys.Split(','), found.Select(finding => finding.Key));
        Assert.All(found, finding => Assert.Equal(role == "stream", finding.IsNote));
    }

    [Theory]
    [MemberData(nameof(Harmless))]
    public void A_policy_that_harms_no_task_is_passed_over(string role, string policy) => Assert.Empty(PolicyRules.Check(RoleOf(role), Read(policy)));

    [Fact]
    public void A_warning_names_queue_key_value_and_policy_and_says_what_to_do_once_for_all_queues_it_concerns()
    {
        IOptions<WorkQueueOptions> options = Options.Create(new WorkQueueOptions());
        QueuePolicies policies = new(new TaskTopology(options), options);
        string[] queues = ["wq.default", "wq.default.dead", "wq.delay.05", "wq.delay.06", "wq.delay.07", "wq.delay.08", "wq.delay.09", "another"];
        IReadOnlyList<PolicyWarning> warnings = policies.Check(queues.Select(queue => new AppliedPolicy(queue, "all", "cloud", Read("""{"delivery-limit":3,"message-ttl":10000}"""))));
        Assert.Equal(["default", "default", "default", "default", null, null, null, null], warnings.Select(warning => warning.TaskQueue));
        IReadOnlyList<string> lines = PolicyWarning.Describe(warnings);
        Assert.Equal(5, lines.Count);
        Assert.Equal(
            """wq.default: delivery-limit 3 of policy 'all' or operator policy 'cloud': the broker dead-letters a healthy task when connections are lost: each loss counts as a delivery, and as one more for each idle slot of that worker. Have the policy leave this queue out, by the pattern ^(?!wq\.) for example""",
            lines[0]);
        Assert.StartsWith("wq.delay.06, wq.delay.07, wq.delay.08 and 1 more: message-ttl 10000", lines[4], StringComparison.Ordinal);
    }

    private static QueueRole RoleOf(string name) => name switch { "quorum" => Quorum, "classic" => Classic, "letters" => Letters, "level" => Level, _ => Stream };

    private static Dictionary<string, JsonElement> Read(string policy) => JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(policy)!;
}
