using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Spectre.Console;
using WorkQueue.Benchmarks;
using WorkQueue.Benchmarks.Charts;
using WorkQueue.Benchmarks.Scenarios;
using WorkQueue.Benchmarks.Servers;
using WorkQueue.Benchmarks.Workers;

Dictionary<string, Func<Stage, IEnumerable<Comparison>>> scenarios = new(StringComparer.Ordinal)
{
    ["enqueue"] = EnqueueScenario.Of,
    ["process"] = ProcessScenario.Of,
    ["classic"] = ClassicScenario.Of,
    ["mixed"] = MixedScenario.Mixed,
    ["adversarial"] = MixedScenario.Adversarial,
    ["latency"] = OtherScenarios.Latency,
    ["start"] = StartScenario.Of,
    ["recovery"] = RecoveryScenario.Of,
    ["history"] = OtherScenarios.History,
    ["tracing"] = OtherScenarios.Tracing,
    ["scaling"] = OtherScenarios.Scaling,
    ["backlog"] = OtherScenarios.Backlog,
    ["allocations"] = AllocationsScenario.Of,
    ["codec"] = CodecScenario.Of,
    ["lanes"] = LaneScenario.Of,
    ["unique"] = UniqueScenario.Of,
    ["chains"] = ChainScenario.Of,
    ["batches"] = BatchScenario.Of,
    ["schedules"] = ScheduleScenario.Of,
    // The last one: its nodes stay until the end.
    ["cluster"] = LaneScenario.OnCluster,
};
Argument<string[]> names = new("names") { Description = $"What to measure: all, or some of {string.Join(", ", scenarios.Keys)}. None: only the chart.", Arity = ArgumentArity.ZeroOrMore };
names.AcceptOnlyFromAmong(["all", .. scenarios.Keys]);
Option<bool> quick = new("--quick") { Description = "A short run that shows that the benchmarks work; its figures mean little." };
Option<int> rounds = new("--rounds") { Description = "How often each contender is measured.", DefaultValueFactory = _ => 5 };
Option<string?> output = new("--output") { Description = "The file of the report, for example WorkQueue.Benchmarks/RESULTS.md; what is not measured now stays in it." };
Option<string?> chart = new("--chart") { Description = "The file for a chart of that report, for example docs/images/benchmarks.svg." };
RootCommand root = new("Measures this queue beside the raw client and its peers, on a broker of its own.") { names, quick, rounds, output, chart, WorkerCommand.Create() };
root.Validators.Add(result =>
{
    if (result.GetValue(names) is not { Length: > 0 } && result.GetValue(chart) is null)
    {
        result.AddError("Nothing to do: name what to measure, or a file for the chart.");
    }
});
root.SetAction(async (parsed, stopping) =>
{
    string[] wanted = parsed.GetValue(names)!;
    string? file = parsed.GetValue(output);
    ResultsFile results = ResultsFile.Parse(file is not null && File.Exists(file) ? await File.ReadAllTextAsync(file, stopping) : "");
    if (wanted.Length > 0)
    {
        await MeasureAsync(wanted, parsed.GetValue(quick), parsed.GetValue(rounds), results, file);
    }

    if (parsed.GetValue(chart) is { } image)
    {
        await File.WriteAllTextAsync(image, Chart.Draw(results), stopping);
    }

    return 0;
});
return await root.Parse(args).InvokeAsync();

async Task MeasureAsync(string[] wanted, bool isQuick, int rounds, ResultsFile results, string? file)
{
    await using LocalBroker broker = await LocalBroker.StartAsync();
    await using LocalServer postgres = LocalServer.Postgres();
    await using LocalServer redis = LocalServer.Redis();
    await using LocalCluster cluster = new();
    Stage stage = new(broker.ConnectionString, isQuick) { RestartBrokerAsync = broker.RestartAsync, Postgres = postgres, Redis = redis, Cluster = cluster };
    Runner runner = new(isQuick ? 1 : rounds, isQuick ? TimeSpan.FromMinutes(1) : TimeSpan.FromMinutes(30), AnsiConsole.Console);
    string origin = string.Create(CultureInfo.InvariantCulture,
        $"{(isQuick ? "A quick run, 1 round" : $"{rounds} rounds")}, {TimeProvider.System.GetUtcNow():yyyy-MM-dd}; {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, RabbitMQ {broker.Version}");
    IEnumerable<Comparison> comparisons = scenarios.Where(scenario => wanted.Contains("all") || wanted.Contains(scenario.Key)).SelectMany(scenario => scenario.Value(stage));
    await foreach (Measured measured in runner.RunAsync(comparisons))
    {
        results.Put(measured.Comparison.Title, Report.Section(measured, origin));
        if (file is not null)
        {
            await File.WriteAllTextAsync(file, results.ToString());
        }
    }
}
