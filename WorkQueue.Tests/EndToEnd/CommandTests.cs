using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The commands on the dashboard.</summary>
[Collection(SystemTests.Name)]
public sealed class CommandTests(RunningSystem system) : OnRunningSystem(system)
{
    private static readonly string[] Samples = ["First.", "Second..", "Third...", "Fourth....", "Fifth....."];

    [AppHostFact]
    public async Task Tasks_are_sent_queues_paused_and_resumed_letters_redriven_and_slots_set_by_commands()
    {
        await EnabledAsync("pause-queue", true);
        await EnabledAsync("resume-queue", false);
        int received = App.Lines("Received").Length;
        int dead = await CountAsync("dead");

        ExecuteCommandResult paused = await App.ExecuteAsync("producer", "pause-queue", ("queue", "default"));
        Assert.Equal("Queue default is paused.", paused.Message);
        Assert.True((await QueueAsync()).GetProperty("paused").GetBoolean());
        await EnabledAsync("resume-queue", true);
        await App.ExecuteAsync("producer", "send-sample-tasks");
        await Eventually.EqualAsync(6, async () => await CountAsync("ready"), "the samples wait in the paused queue");
        Assert.Equal(received, App.Lines("Received").Length);

        await App.ExecuteAsync("producer", "resume-queue", ("queue", "default"));
        await EnabledAsync("resume-queue", false);
        await Eventually.TrueAsync(() => Samples.All(text => App.Lines($"Received {text}").Length == 1), "five samples run");
        await Eventually.EqualAsync(dead + 1, async () => await CountAsync("dead"), "one fails");

        ExecuteCommandResult redriven = await App.ExecuteAsync("producer", "redrive-dead-letters", ("queue", "all"));
        Assert.Equal((CommandResultFormat.Markdown, $"{dead + 1} dead letters run again."), (redriven.Data!.Format, redriven.Message));
        Assert.Contains("/board/dead-letters)", redriven.Data.Value, StringComparison.Ordinal);
        // Two attempts, and two more when it was redriven.
        await Eventually.TrueAsync(() => App.Lines("Received fail, as a sample").Length == 4, "it runs again");

        ExecuteCommandResult sent = await App.ExecuteAsync("producer", "send-task", ("type", "simulate"), ("text", "by command"), ("delay", "00:00:01"));
        await Eventually.TrueAsync(() => App.Lines("Received by command").Length == 1, "the task is done");
        Assert.Matches(@"/board/tasks/[0-9a-f-]{36}\)", sent.Data!.Value);

        foreach (int slots in (int[])[3, 1])
        {
            await App.ExecuteAsync(await App.ReplicaAsync(), "set-slots", ("slots", $"{slots}"));
            await Eventually.EqualAsync(2 * slots, async () => await CountAsync("consumers"), () => $"two workers have {slots} slots each:{App.WorkerStates()}");
        }
    }

    [AppHostFact]
    public async Task Wrong_arguments_are_refused_and_do_nothing()
    {
        string newest = await NewestAsync();
        await RefusedAsync("producer", "send-task", ("type", "simulate"), ("text", "x"), ("delay", "soon"));
        await RefusedAsync("producer", "send-task", ("type", "render-pdf"), ("text", "no JSON"), ("delay", ""));
        await RefusedAsync(await App.ReplicaAsync(), "set-slots", ("slots", "0"));
        Assert.Equal(newest, await NewestAsync());
    }

    private async Task RefusedAsync(string resource, string command, params (string Name, string Value)[] arguments)
    {
        ExecuteCommandResult result = await App.App.ResourceCommands.ExecuteCommandAsync(resource, command, TestApp.Inputs(arguments));
        Assert.Equal((false, "Command argument validation failed."), (result.Success, result.Message));
    }

    private async Task<int> CountAsync(string of) => (await QueueAsync()).GetProperty(of).GetInt32();

    private Task<string> NewestAsync() => App.Producer.GetStringAsync("/tasks?limit=1");

    private Task EnabledAsync(string command, bool enabled) => Eventually.TrueAsync(
        () => App.App.ResourceNotifications.TryGetCurrentState("producer", out ResourceEvent? producer)
            && producer!.Snapshot.Commands.Single(known => known.Name == command).State == (enabled ? ResourceCommandState.Enabled : ResourceCommandState.Disabled),
        $"{command} is {(enabled ? "enabled" : "disabled")}");

    private async Task<JsonElement> QueueAsync() =>
        (await App.Producer.GetFromJsonAsync<JsonElement>("/queues")).GetProperty("items").EnumerateArray().Single(queue => queue.GetProperty("name").GetString() == "default");
}
