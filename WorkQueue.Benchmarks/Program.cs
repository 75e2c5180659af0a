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
    ["http"] = HttpScenario.Of,
    ["tracing"] = OtherScenarios.Tracing,
    ["scaling"] = OtherScenarios.Scaling,
    ["slots"] = GrowthScenario.OfSlots,
    ["backlog"] = GrowthScenario.OfBacklog,
    ["memory"] = MemoryScenario.Of,
    ["cost"] = CostScenario.Of,
    ["codec"] = CodecScenario.Of,
    ["lanes"] = LaneScenario.Of,
    ["unique"] = UniqueScenario.Of,
    ["chains"] = ChainScenario.Of,
    ["batches"] = BatchScenario.Of,
    ["schedules"] = ScheduleScenario.Of,
    ["replay"] = GrowthScenario.OfHistory,
    // The last ones: their queues and their nodes stay until the end.
    ["queues"] = GrowthScenario.OfQueues,
    ["cluster"] = LaneScenario.OnCluster,
};
Argument<string[]> names = new("names") { Description = $"What to measure: all, or some of {string.Join(", ", scenarios.Keys)}. None: only the charts.", Arity = ArgumentArity.ZeroOrMore };
names.AcceptOnlyFromAmong(["all", .. scenarios.Keys]);
Option<bool> quick = new("--quick") { Description = "A short run that shows that the benchmarks work; its figures mean little." };
Option<int> rounds = new("--rounds") { Description = "How often each contender is measured.", DefaultValueFactory = _ => 5 };
Option<string?> image = new("--image") { Description = "A container image of another RabbitMQ, for example rabbitmq:4; none: the one that is installed." };
Option<string?> output = new("--output") { Description = "The file of the report; what is not measured now stays in it. Of all, unless quick: WorkQueue.Benchmarks/RESULTS.md." };
Option<string?> charts = new("--charts") { Description = "The folder for charts of that report. Of all, unless quick: docs/images." };
RootCommand root = new("Measures this queue beside the raw client and its peers, on a broker of its own.") { names, quick, rounds, image, output, charts, WorkerCommand.Create(), EndpointCommand.Create() };
root.Validators.Add(result =>
{
    if (result.GetValue(names) is not { Length: > 0 } && (result.GetValue(charts) is null || result.GetValue(output) is null))
    {
        result.AddError("Nothing to do: name what to measure, or a report (--output) and a folder for its charts (--charts).");
    }
});
root.SetAction(async (parsed, stopping) =>
{
    string[] wanted = parsed.GetValue(names)!;
    bool isQuick = parsed.GetValue(quick);
    bool isAll = wanted.Contains("all") && !isQuick;
    string? file = parsed.GetValue(output) ?? (isAll ? Repository.Path("WorkQueue.Benchmarks/RESULTS.md") : null);
    ResultsFile results = ResultsFile.Parse(file is not null && File.Exists(file) ? await File.ReadAllTextAsync(file, stopping) : "");
    if (wanted.Length > 0)
    {
        if (isAll && parsed.GetValue(image) is null)
        {
            await Repository.InstallAsync();
        }

        await MeasureAsync(wanted, isQuick, parsed.GetValue(rounds), parsed.GetValue(image), results, file);
    }

    foreach (string drawn in (parsed.GetValue(charts) ?? (isAll ? Repository.Path("docs/images") : null)) is { } folder ? Gallery.Draw(results, folder) : [])
    {
        AnsiConsole.WriteLine(drawn);
    }

    return 0;
});
return await root.Parse(args).InvokeAsync();

async Task MeasureAsync(string[] wanted, bool isQuick, int rounds, string? image, ResultsFile results, string? file)
{
    await using LocalBroker broker = await LocalBroker.StartAsync(image);
    await using LocalServer postgres = LocalServer.Postgres();
    await using LocalServer redis = LocalServer.Redis();
    await using LocalServer durableRedis = LocalServer.DurableRedis();
    await using LocalCluster cluster = new();
    Stage stage = new(broker.ConnectionString, isQuick) { RestartBrokerAsync = broker.RestartAsync, Postgres = postgres, Redis = redis, DurableRedis = durableRedis, Cluster = cluster };
    Runner runner = new(isQuick ? 1 : rounds, isQuick ? TimeSpan.FromMinutes(1) : TimeSpan.FromMinutes(30), AnsiConsole.Console);
    string place = string.Create(CultureInfo.InvariantCulture,
        $"{TimeProvider.System.GetUtcNow():yyyy-MM-dd}; {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}, RabbitMQ {broker.Version}");
    // Beside those of the version that is installed, not in their place.
    string suffix = image is null ? "" : $", RabbitMQ {string.Join('.', broker.Version.Split('.')[..2])}";
    // The others restart the broker, are on a cluster of what is installed, or on none.
    string[] always = ["recovery", "cluster", "codec"];
    IEnumerable<Comparison> comparisons = scenarios.Where(scenario => (wanted.Contains("all") || wanted.Contains(scenario.Key)) && (image is null || !always.Contains(scenario.Key))).SelectMany(scenario => scenario.Value(stage));
    await foreach (Measured measured in runner.RunAsync(comparisons.Select(comparison => comparison with { Title = comparison.Title + suffix })))
    {
        string times = isQuick ? "A quick run, 1 round" : Stage.Count(measured.Comparison.TimesOf(rounds), "round");
        results.Put(measured.Comparison.Title, Report.Section(measured, $"{times}, {place}"));
        if (file is not null)
        {
            await File.WriteAllTextAsync(file, results.ToString());
        }
    }
}
