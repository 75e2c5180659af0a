using System.Net.Http.Json;
using System.Text.Json;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The producer's commands on the dashboard.</summary>
public sealed class CommandTests
{
    [AppHostFact]
    public async Task Sample_tasks_are_sent_queues_paused_and_resumed_and_dead_letters_redriven_by_commands()
    {
        await using TestApp app = await TestApp.StartAsync("Broker:Mode=local", "Workers=2", "WorkQueue:Retry:Delays:0=00:00:00.25", "WorkQueue:Types:simulate:RetryDelays:0=00:00:00.25");

        await app.ExecuteAsync("producer", "pause-queues");
        Assert.True((await QueueAsync(app)).GetProperty("paused").GetBoolean());
        await app.ExecuteAsync("producer", "send-sample-tasks");
        await Eventually.TrueAsync(async () => (await QueueAsync(app)).GetProperty("ready").GetInt32() == 6, "the samples wait in the paused queue");
        Assert.Empty(app.Lines("Received"));

        await app.ExecuteAsync("producer", "resume-queues");
        await Eventually.TrueAsync(() => app.Lines("(simulate) done after").Length == 5, "five samples succeed");
        await Eventually.TrueAsync(async () => (await QueueAsync(app)).GetProperty("dead").GetInt32() == 1, "one fails");

        await app.ExecuteAsync("producer", "redrive-dead-letters");
        // Two attempts, and two more when it was redriven.
        await Eventually.TrueAsync(() => app.Lines("Received fail, as a sample").Length == 4, "it runs again");
    }

    private static async Task<JsonElement> QueueAsync(TestApp app) =>
        (await app.Producer.GetFromJsonAsync<JsonElement>("/queues")).GetProperty("items").EnumerateArray().Single(queue => queue.GetProperty("name").GetString() == "default");
}
