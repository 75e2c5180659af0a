using System.Diagnostics;
using System.Text.Json;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The program <c>wq</c> on a running system.</summary>
[Collection(SystemTests.Name)]
public sealed class CliTests
{
    [AppHostFact]
    public async Task Every_verb_does_what_it_says_on_a_running_system()
    {
        await using TestApp app = await TestApp.StartAsync("Broker:Mode=local", "Workers=2", "WorkQueue:Types:simulate:RetryDelays:0=00:00:00.25");
        using Process watch = Start(app, "watch", "--json", "task.*.*.deadLettered");

        Run done = await RunAsync(app, null, "send", "--wait", "--json", "First message.");
        Assert.Equal(0, done.Code);
        JsonElement task = JsonSerializer.Deserialize<JsonElement>(done.Out);
        Assert.Equal("succeeded", task.GetProperty("state").GetString());
        Assert.Equal("First message.", task.GetProperty("result").GetProperty("text").GetString());
        string id = task.GetProperty("id").GetString()!;
        Assert.Contains("succeeded", (await RunAsync(app, null, "get", id)).Out, StringComparison.Ordinal);

        Run failed = await RunAsync(app, null, "send", "--wait", "fail at once");
        Assert.Equal(1, failed.Code);
        Assert.Contains("\"deadLettered\"", await watch.StandardOutput.ReadLineAsync().WaitAsync(TestEnvironment.Patience), StringComparison.Ordinal);
        watch.Kill();
        string dead = IdIn(await RunAsync(app, null, "dead", "list", "--json"));
        Assert.Contains("The text starts with", (await RunAsync(app, null, "dead", "show", dead)).Out, StringComparison.Ordinal);
        Assert.Contains("1", (await RunAsync(app, null, "dead", "redrive", "--dry-run", "--all")).Out, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(app, null, "dead", "redrive", dead)).Code);
        Assert.Equal(1, (await RunAsync(app, null, "wait", dead, "--timeout", "30s")).Code);
        Assert.Equal(0, (await RunAsync(app, null, "dead", "discard", "--yes", dead)).Code);
        Assert.Equal(4, (await RunAsync(app, null, "dead", "redrive", dead)).Code);

        Assert.Equal(0, (await RunAsync(app, null, "pause", "default")).Code);
        Run batch = await RunAsync(app, string.Concat(Enumerable.Range(0, 200).Select(number => $"job {number}\n")), "send", "--file", "-");
        Assert.Contains("200", batch.Out + batch.Error, StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => await QueueAsync(app) == (200, true), "200 tasks wait in the paused queue");
        string waiting = IdIn(await RunAsync(app, null, "list", "--state", "queued", "--limit", "1", "--json"));
        Assert.Equal(0, (await RunAsync(app, null, "cancel", waiting)).Code);
        Assert.Equal(0, (await RunAsync(app, null, "resume", "default")).Code);
        await Eventually.TrueAsync(() => app.Lines("(simulate) done after").Length == 200, "all but the cancelled one are done, and the first before");
        Assert.Contains("cancelled", (await RunAsync(app, null, "get", waiting)).Out, StringComparison.Ordinal);

        Assert.Equal(2, JsonSerializer.Deserialize<JsonElement>((await RunAsync(app, null, "workers", "--json")).Out).GetProperty("items").GetArrayLength());
        Assert.Equal(4, (await RunAsync(app, null, "get", Guid.NewGuid().ToString())).Code);
    }

    [AppHostFact]
    public async Task Without_a_producer_it_says_so_and_that_trying_again_may_help()
    {
        Run run = await WaitAsync(Start($"http://127.0.0.1:{TestEnvironment.FreePort()}", "queues"), null);
        Assert.Equal(3, run.Code);
        Assert.StartsWith("wq: ", run.Error, StringComparison.Ordinal);
    }

    private static async Task<(int Ready, bool Paused)> QueueAsync(TestApp app)
    {
        Run queues = await RunAsync(app, null, "queues", "--json");
        JsonElement queue = JsonSerializer.Deserialize<JsonElement>(queues.Out).GetProperty("items")[0];
        return (queue.GetProperty("ready").GetInt32(), queue.GetProperty("paused").GetBoolean());
    }

    private static string IdIn(Run list) => JsonSerializer.Deserialize<JsonElement>(list.Out).GetProperty("items")[0].GetProperty("id").GetString()!;

    private static Task<Run> RunAsync(TestApp app, string? input, params string[] arguments) => WaitAsync(Start(app, arguments), input);

    private static Process Start(TestApp app, params string[] arguments) => Start(app.Producer.BaseAddress!.ToString(), arguments);

    private static Process Start(string url, params string[] arguments) => Process.Start(
        new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "WorkQueue.Cli.dll"), .. arguments])
        {
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
            Environment = { ["WORKQUEUE_URL"] = url },
        })!;

    private static async Task<Run> WaitAsync(Process process, string? input)
    {
        using (process)
        {
            await process.StandardInput.WriteAsync(input);
            process.StandardInput.Close();
            string[] output = await Task.WhenAll(process.StandardOutput.ReadToEndAsync(), process.StandardError.ReadToEndAsync()).WaitAsync(TestEnvironment.Patience);
            await process.WaitForExitAsync();
            return new Run(process.ExitCode, output[0], output[1]);
        }
    }

    private sealed record Run(int Code, string Out, string Error);
}
