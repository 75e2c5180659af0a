using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Tests.Unit.Schedules;

public sealed class LeaderLogTests
{
    private readonly Duty _duty = new();
    private readonly LeaderLog _log;

    public LeaderLogTests() => _log = new LeaderLog(null!, new TaskTopology(Options.Create(new WorkQueueOptions())), [_duty]);

    [Fact]
    public void What_another_than_the_one_that_began_last_has_written_is_passed_over()
    {
        Read((LeaderLog.Leads, "first"), ("a", "first"), ("b", "other"), (LeaderLog.Leads, "second"), ("c", "first"), ("d", "second"), ("e", null));
        Assert.Equal([LeaderLog.Leads, "a", LeaderLog.Leads, "d"], _duty.Kinds);
        Assert.Equal("second", _log.Leader);
    }

    [Fact]
    public void Where_the_beginning_of_the_one_that_leads_was_dropped_it_is_known_by_what_it_wrote_anew()
    {
        Read(("a", "first"), (LeaderLog.Leading, "first"), ("b", "first"), (LeaderLog.Whole, "first"), ("c", "first"));
        Assert.Equal([LeaderLog.Leading, "b", LeaderLog.Whole, "c"], _duty.Kinds);
        Assert.Equal((1L, 1L), _log.SinceWhole);
    }

    [Fact]
    public void One_that_the_others_take_for_dead_does_not_take_the_log_back()
    {
        Read((LeaderLog.Leads, "first"), (LeaderLog.Leads, "second"), (LeaderLog.Leading, "first"), ("a", "first"), (LeaderLog.Whole, "first"), ("b", "second"));
        Assert.Equal("second", _log.Leader);
        Assert.Equal([LeaderLog.Leads, LeaderLog.Leads, "b"], _duty.Kinds);
    }

    private void Read(params (string Kind, string? Leader)[] entries)
    {
        foreach ((string kind, string? leader) in entries)
        {
            _log.Read(new LeaderEntry(kind, "x"u8.ToArray(), Leader: leader));
        }
    }

    private sealed class Duty : ILeaderDuty
    {
        public List<string> Kinds { get; } = [];

        public void Read(LeaderEntry entry) => Kinds.Add(entry.Kind);

        public void Forget() => Kinds.Clear();

        public void Begin()
        {
        }

        public string? ThingOf(LeaderEntry command) => null;

        public Task<IReadOnlyList<LeaderAnswer>> ObeyAsync(IReadOnlyList<LeaderEntry> commands, ILeaderSession session) => throw new NotSupportedException();

        public Task<DateTimeOffset?> WorkAsync(ILeaderSession session, CancellationToken stopping) => Task.FromResult<DateTimeOffset?>(null);

        public Task WriteAllAsync(ILeaderSession session) => Task.CompletedTask;
    }
}
