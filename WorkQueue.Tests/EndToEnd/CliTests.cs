using System.Diagnostics;
using System.Text.Json;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>The program <c>wq</c> on a running system.</summary>
[Collection(SystemTests.Name)]
public sealed class CliTests(RunningSystem system) : OnRunningSystem(system)
{
    [AppHostFact]
    public async Task Every_verb_does_what_it_says_on_a_running_system()
    {
        using Process watch = Start("watch", "--json", "task.*.*.deadLettered");

        Run done = await RunAsync(null, "send", "--wait", "--json", "First message.");
        Assert.Equal(0, done.Code);
        JsonElement task = JsonSerializer.Deserialize<JsonElement>(done.Out);
        Assert.Equal("succeeded", task.GetProperty("state").GetString());
        Assert.Equal("First message.", task.GetProperty("result").GetProperty("text").GetString());
        string id = task.GetProperty("id").GetString()!;
        Assert.Contains("succeeded", (await RunAsync(null, "get", id)).Out, StringComparison.Ordinal);

        Run failed = await RunAsync(null, "send", "--wait", "--json", "fail at once");
        Assert.Equal(1, failed.Code);
        string dead = JsonSerializer.Deserialize<JsonElement>(failed.Out).GetProperty("id").GetString()!;
        Assert.Contains("\"deadLettered\"", await watch.StandardOutput.ReadLineAsync().WaitAsync(TestEnvironment.Patience), StringComparison.Ordinal);
        watch.Kill();
        Assert.Contains(dead, (await RunAsync(null, "dead", "list", "--json")).Out, StringComparison.Ordinal);
        Assert.Contains("The text starts with", (await RunAsync(null, "dead", "show", dead)).Out, StringComparison.Ordinal);
        Assert.Contains("1", (await RunAsync(null, "dead", "redrive", "--dry-run", dead)).Out, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(null, "dead", "redrive", dead)).Code);
        Assert.Equal(1, (await RunAsync(null, "wait", dead, "--timeout", "30s")).Code);
        Assert.Equal(0, (await RunAsync(null, "dead", "discard", "--yes", dead)).Code);
        Assert.Equal(4, (await RunAsync(null, "dead", "redrive", dead)).Code);

        Assert.Equal(0, (await RunAsync(null, "pause", "default")).Code);
        Run batch = await RunAsync(string.Concat(Enumerable.Range(0, 200).Select(number => $"cli job {number}\n")), "send", "--file", "-");
        Assert.Contains("200", batch.Out + batch.Error, StringComparison.Ordinal);
        await Eventually.TrueAsync(async () => await QueueAsync() == (200, true), "200 tasks wait in the paused queue");
        string waiting = IdIn(await RunAsync(null, "list", "--queue", "default", "--state", "queued", "--limit", "1", "--json"));
        Assert.Equal(0, (await RunAsync(null, "cancel", waiting)).Code);
        Assert.Equal(0, (await RunAsync(null, "resume", "default")).Code);
        await Eventually.TrueAsync(() => App.Lines("Received cli job ").Length == 199, "all but the cancelled one are done");
        Assert.Contains("cancelled", (await RunAsync(null, "get", waiting)).Out, StringComparison.Ordinal);

        Assert.Contains("0 3 * * *", (await RunAsync(null, "schedules", "set", "nightly", "0 3 * * *", "--zone", "Europe/Berlin", "--type", "simulate", "--payload", "{\"text\":\"night\"}")).Out, StringComparison.Ordinal);
        Run run = await RunAsync(null, "schedules", "run", "nightly", "--json");
        Assert.Equal(0, (await RunAsync(null, "wait", JsonSerializer.Deserialize<JsonElement>(run.Out).GetProperty("id").GetString()!, "--timeout", "30s")).Code);
        Assert.Contains("paused", (await RunAsync(null, "schedules", "pause", "nightly")).Out, StringComparison.Ordinal);
        Assert.Contains("runs", (await RunAsync(null, "schedules", "resume", "nightly")).Out, StringComparison.Ordinal);
        Assert.Contains("nightly", (await RunAsync(null, "schedules")).Out, StringComparison.Ordinal);
        Run wrong = await RunAsync(null, "schedules", "set", "nightly", "0 3 * *", "--type", "simulate");
        Assert.Equal(1, wrong.Code);
        Assert.Contains("4 field(s)", wrong.Error, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(null, "schedules", "remove", "nightly")).Code);
        Assert.Equal(4, (await RunAsync(null, "schedules", "run", "nightly")).Code);

        Run opened = await RunAsync("""
            {"batch":{"name":"cli batch","open":true,"onSuccess":{"type":"simulate","payload":{"text":"all are done"}}}}
            {"type":"simulate","payload":{"text":"member"}}
            """, "batches", "send", "-", "--json");
        string batchId = JsonSerializer.Deserialize<JsonElement>(opened.Out).GetProperty("id").GetString()!;
        Assert.Contains("accepted 1", (await RunAsync("{\"type\":\"simulate\",\"payload\":{\"text\":\"late member\"}}", "batches", "add", batchId, "-", "--key", "late")).Out, StringComparison.Ordinal);
        Assert.Equal(0, (await RunAsync(null, "batches", "close", batchId)).Code);
        await Eventually.TrueAsync(async () => (await RunAsync(null, "batches", "show", batchId)).Out.Contains("all succeeded", StringComparison.Ordinal), "the batch succeeds");
        Assert.Equal(["number  id"], (await RunAsync(null, "batches", "members", batchId, "--state", "pending")).Out.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => line.Trim()));
        Assert.Contains("cli batch", (await RunAsync(null, "batches")).Out, StringComparison.Ordinal);
        Assert.Equal(1, (await RunAsync(null, "batches", "cancel", batchId)).Code);
        Assert.Equal(4, (await RunAsync(null, "batches", "show", Guid.CreateVersion7().ToString())).Code);

        Assert.Equal(2, JsonSerializer.Deserialize<JsonElement>((await RunAsync(null, "workers", "--json")).Out).GetProperty("items").GetArrayLength());
        Assert.Equal(4, (await RunAsync(null, "get", Guid.NewGuid().ToString())).Code);
    }

    [AppHostFact]
    public async Task Without_a_producer_it_says_so_and_that_trying_again_may_help()
    {
        Run run = await WaitAsync(StartAt($"http://127.0.0.1:{TestEnvironment.FreePort()}", "queues"), null);
        Assert.Equal(3, run.Code);
        Assert.StartsWith("wq: ", run.Error, StringComparison.Ordinal);
    }

    private async Task<(int Ready, bool Paused)> QueueAsync()
    {
        Run queues = await RunAsync(null, "queues", "--json");
        JsonElement queue = JsonSerializer.Deserialize<JsonElement>(queues.Out).GetProperty("items").EnumerateArray().Single(one => one.GetProperty("name").GetString() == "default");
        return (queue.GetProperty("ready").GetInt32(), queue.GetProperty("paused").GetBoolean());
    }

    private static string IdIn(Run list) => JsonSerializer.Deserialize<JsonElement>(list.Out).GetProperty("items")[0].GetProperty("id").GetString()!;

    private Task<Run> RunAsync(string? input, params string[] arguments) => WaitAsync(Start(arguments), input);

    private Process Start(params string[] arguments) => StartAt(App.Producer.BaseAddress!.ToString(), arguments);

    private static Process StartAt(string url, params string[] arguments) => Process.Start(
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
