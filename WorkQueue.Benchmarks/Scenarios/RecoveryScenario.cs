using System.Diagnostics;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Benchmarks.Workers;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>How long work stands still after something died.</summary>
internal static class RecoveryScenario
{
    private const string Raw = "raw client";

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        yield return new Comparison("A worker is killed: from the kill until its task runs elsewhere", ["ms"],
        [
            new(Raw, () => WorkerDiesAsync(Subject.Raw)),
            new("ours", () => WorkerDiesAsync(Subject.Ours)) { Against = [Raw] },
        ])
        { Note = "kill -9 on the same machine, whose kernel closes the connection at once; where a machine or a network dies, the heartbeat decides." };
        yield return new Comparison("The broker is killed and started again: from its port opening until a task is done", ["ms"],
        [
            new("raw client, its own recovery", () => BrokerDiesAsync(Subject.Raw)) { Missing = stage.IsQuick ? "starting a broker takes long" : null },
            new("ours", () => BrokerDiesAsync(Subject.Ours)) { Against = ["raw client, its own recovery"] },
        ])
        { Note = "A task takes 50 ms. The client tries every 5 s; ours after 0.2 s, then twice as long each time up to 30 s." };

        async Task<double[]> WorkerDiesAsync(Subject subject)
        {
            ISubject queue = subject.On(stage);
            await queue.PrepareAsync();
            await using WorkerFleet fleet = new(stage);
            WorkerProcess victim = fleet.Start(subject, slots: 1);
            await queue.FillAsync(1, _ => WorkerCommand.Endless, callers: 1);
            await fleet.NextAsync(line => line.What == WorkerCommand.Begun);
            WorkerProcess heir = fleet.Start(subject, slots: 1);
            await queue.FillAsync(1, _ => "", callers: 1);
            await fleet.NextAsync(line => line.Worker == heir && line.IsDone);
            long killed = victim.Kill();
            WorkerLine begun = await fleet.NextAsync(line => line.Worker == heir && line.What == WorkerCommand.Begun);
            return [Stopwatch.GetElapsedTime(killed, begun.Numbers[0]).TotalMilliseconds];
        }

        async Task<double[]> BrokerDiesAsync(Subject subject)
        {
            ISubject queue = subject.On(stage);
            await queue.PrepareAsync();
            await queue.FillAsync(500, _ => "50");
            await using WorkerFleet fleet = new(stage);
            fleet.Start(subject, slots: 1);
            await fleet.NextAsync(line => line.IsDone);
            long opened = await stage.RestartBrokerAsync();
            WorkerLine done = await fleet.NextAsync(line => line.IsDone && line.Last > opened);
            await queue.ClearAsync();
            return [Stopwatch.GetElapsedTime(opened, done.Last).TotalMilliseconds];
        }
    }
}
