using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The command line on the running system.</summary>
[Collection(SystemTests.Name)]
public sealed class WatchTests(RunningSystem system) : OnRunningSystem(system)
{
    [AppHostFact]
    public async Task Watch_prints_live_what_users_emit_and_what_happens_to_tasks()
    {
        (string, string) url = ("WORKQUEUE_URL", App.Producer.BaseAddress!.ToString());
        await using OtherProgram watch = OtherProgram.Start("dotnet", ["WorkQueue.Cli.dll", "watch", "task.*.*.deadLettered", "orders.#"], url);
        int emitted = 0;
        await Eventually.TrueAsync(
            async () =>
            {
                // Whoever watches hears what is emitted from then on.
                await OtherProgram.RunAsync("dotnet", ["WorkQueue.Cli.dll", "emit", "orders.eu.created", $"order {++emitted}"], url);
                return !watch.Output.IsEmpty;
            },
            "it watches");
        Assert.Matches(@"^.{19} orders\.eu\.created order \d+$", watch.Output.First());

        await OtherProgram.RunAsync("dotnet", ["WorkQueue.Cli.dll", "emit", "payments.created", "not watched"], url);
        await OtherProgram.RunAsync("dotnet", ["WorkQueue.Cli.dll", "send", "fail to watch"], url);
        await Eventually.TrueAsync(() => watch.Output.Any(line => line.Contains("deadLettered default simulate", StringComparison.Ordinal)), "the dead letter is shown");
        await OtherProgram.RunAsync("dotnet", ["WorkQueue.Cli.dll", "emit", "orders", "last"], url);
        await Eventually.TrueAsync(() => watch.Output.Any(line => line.EndsWith(" orders last", StringComparison.Ordinal)), "the last is shown");
        Assert.DoesNotContain(watch.Output, line => line.Contains("not watched", StringComparison.Ordinal));
    }
}
