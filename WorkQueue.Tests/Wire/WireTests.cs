using System.Reflection;
using System.Text.Json.Nodes;
using WorkQueue.Messaging.Batches;
using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Schedules;
using WorkQueue.Messaging.Unique;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Wire;

/// <summary>What earlier versions have sent is on brokers, in streams and delayed for weeks: it stays readable (docs/upgrade.md).</summary>
public sealed class WireTests
{
    // A trace or a moment that it waits for has a name of the library's, and no message to itself.
    private static readonly string[] OfOthers = [TaskHeaders.TraceState];

    public static TheoryData<string, string> Files
    {
        get
        {
            TheoryData<string, string> files = [];
            foreach (string version in WireFolder.Versions)
            {
                foreach (string kind in new WireFolder(version).Kinds)
                {
                    files.Add(version, kind);
                }
            }

            return files;
        }
    }

    [Theory]
    [MemberData(nameof(Files))]
    public void A_message_of_a_version_is_read_as_it_was_when_that_was_released(string version, string kind)
    {
        (WireMessage message, JsonNode read) = new WireFolder(version).Of(kind);
        Assert.Equal(kind, message.Kind);
        JsonNode now = WireForm.Read(message);
        Assert.True(JsonNode.DeepEquals(read, now), $"{version}/{kind} was read as\n{read}\nand is read as\n{now}");
    }

    [Fact]
    public void There_is_a_message_of_each_kind_of_this_version()
    {
        HashSet<string> kept = [.. new WireFolder(WireFolder.Present).Kinds];
        string[] needed =
        [
            .. Constants(typeof(RecordStates)).Select(state => $"record.{state}"),
            .. Constants(typeof(ControlEntry)).Select(kind => $"control.{kind}"),
            .. Constants(typeof(LeaderLog)).Select(kind => $"leader.{kind}"),
            .. Constants(typeof(BatchChange)).Select(kind => $"leader.{kind}"),
            .. Constants(typeof(BatchCommand)).Select(kind => $"command.{kind}"),
            .. Constants(typeof(UniqueEntries)).Select(kind => kind is UniqueEntries.Enqueue or UniqueEntries.Ended ? $"command.{kind}" : $"leader.{kind}"),
            .. Constants(typeof(ScheduleEntry)).Select(kind => kind is ScheduleEntry.Set or ScheduleEntry.Removed ? $"leader.{kind}" : $"command.{kind}"),
            .. Constants(typeof(RateEntries)).Select(kind => kind == RateEntries.Ask ? $"command.{kind}" : $"answer.{kind}"),
            $"command.{LeaderSession.Token}",
            "task", "delayed", "retry", "letter", "left-to-others", "event", "worker", "reply.result", "reply.error",
            "task.call", "task.chain", "task.step", "task.batch", "task.unique", "task.schedule", "task.key", "task.priority", "task.again", "task.redriven", "task.suspect",
        ];
        Assert.Equal([], needed.Except(kept).Order());
    }

    [Fact]
    public void There_is_a_message_with_each_header_of_this_version()
    {
        WireFolder present = new(WireFolder.Present);
        HashSet<string> kept = [.. present.Kinds.SelectMany(kind => present.Of(kind).Message.Headers.Select(header => header.Key))];
        string[] ours = [.. Constants(typeof(TaskHeaders)).Where(name => name != TaskHeaders.DeliveryCount).Except(OfOthers)];
        Assert.Contains(TaskHeaders.Attempt, ours);
        Assert.Equal([], ours.Except(kept).Order());
    }

    private static IEnumerable<string> Constants(Type type) => type.GetFields(BindingFlags.Static | BindingFlags.Public)
        .Where(field => field.IsLiteral && field.FieldType == typeof(string)).Select(field => (string)field.GetRawConstantValue()!);
}
