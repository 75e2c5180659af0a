using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting.ApplicationModel;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The commands on the dashboard.</summary>
[Collection(SystemTests.Name)]
public sealed class CommandTests(RunningSystem system) : OnRunningSystem(system)
{
    [AppHostFact]
    public async Task Tasks_are_sent_queues_paused_and_resumed_letters_redriven_and_slots_set_by_commands()
    {
        await using TestApp app = await TestApp.StartAsync("Broker:Mode=local", "Workers=2", "WorkQueue:Types:simulate:RetryDelays:0=00:00:00.25");
        await EnabledAsync(app, "pause-queue", true);
        await EnabledAsync(app, "resume-queue", false);

        ExecuteCommandResult paused = await app.ExecuteAsync("producer", "pause-queue", ("queue", "default"));
        Assert.Equal("Queue default is paused.", paused.Message);
        Assert.True((await QueueAsync(app)).GetProperty("paused").GetBoolean());
        await EnabledAsync(app, "pause-queue", false);
        await app.ExecuteAsync("producer", "send-sample-tasks");
        await Eventually.TrueAsync(async () => (await QueueAsync(app)).GetProperty("ready").GetInt32() == 6, "the samples wait in the paused queue");
        Assert.Empty(app.Lines("Received"));

        await app.ExecuteAsync("producer", "resume-queue", ("queue", "default"));
        await Eventually.TrueAsync(() => app.Lines("(simulate) done after").Length == 5, "five samples succeed");
        await Eventually.TrueAsync(async () => (await QueueAsync(app)).GetProperty("dead").GetInt32() == 1, "one fails");

        ExecuteCommandResult redriven = await app.ExecuteAsync("producer", "redrive-dead-letters", ("queue", "all"));
        Assert.Equal((CommandResultFormat.Markdown, "1 dead letters run again."), (redriven.Data!.Format, redriven.Message));
        Assert.Contains("/board/dead-letters)", redriven.Data.Value, StringComparison.Ordinal);
        // Two attempts, and two more when it was redriven.
        await Eventually.TrueAsync(() => app.Lines("Received fail, as a sample").Length == 4, "it runs again");

        ExecuteCommandResult sent = await app.ExecuteAsync("producer", "send-task", ("type", "simulate"), ("text", "by command"), ("delay", "00:00:01"));
        await Eventually.TrueAsync(() => app.Lines("Received by command").Length == 1, "the task is done");
        Assert.Matches(@"/board/tasks/[0-9a-f-]{36}\)", sent.Data!.Value);

        await app.ExecuteAsync(await app.ReplicaAsync(), "set-slots", ("slots", "3"));
        await Eventually.TrueAsync(async () => (await QueueAsync(app)).GetProperty("consumers").GetInt32() == 6, "two workers have three slots each");
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

    private Task<string> NewestAsync() => App.Producer.GetStringAsync("/tasks?limit=1");

    private static Task EnabledAsync(TestApp app, string command, bool enabled) => Eventually.TrueAsync(
        () => app.App.ResourceNotifications.TryGetCurrentState("producer", out ResourceEvent? producer)
            && producer!.Snapshot.Commands.Single(known => known.Name == command).State == (enabled ? ResourceCommandState.Enabled : ResourceCommandState.Disabled),
        $"{command} is {(enabled ? "enabled" : "disabled")}");

    private static async Task<JsonElement> QueueAsync(TestApp app) =>
        (await app.Producer.GetFromJsonAsync<JsonElement>("/queues")).GetProperty("items").EnumerateArray().Single(queue => queue.GetProperty("name").GetString() == "default");
}
