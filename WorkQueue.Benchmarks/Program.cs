using System.CommandLine;
using System.Globalization;
using System.Runtime.InteropServices;
using Spectre.Console;
using WorkQueue.Benchmarks;
using WorkQueue.Benchmarks.Scenarios;

Dictionary<string, Func<Stage, IEnumerable<Comparison>>> scenarios = new(StringComparer.Ordinal)
{
    ["enqueue"] = EnqueueScenario.Of,
    ["process"] = ProcessScenario.Of,
    ["latency"] = OtherScenarios.Latency,
    ["history"] = OtherScenarios.History,
    ["tracing"] = OtherScenarios.Tracing,
    ["scaling"] = OtherScenarios.Scaling,
    ["backlog"] = OtherScenarios.Backlog,
};
Argument<string[]> names = new("names") { Description = $"What to measure: all, or some of {string.Join(", ", scenarios.Keys)}.", Arity = ArgumentArity.OneOrMore };
names.AcceptOnlyFromAmong(["all", .. scenarios.Keys]);
Option<bool> quick = new("--quick") { Description = "A short run that shows that the benchmarks work; its figures mean little." };
Option<int> rounds = new("--rounds") { Description = "How often each contender is measured.", DefaultValueFactory = _ => 5 };
Option<string?> output = new("--output") { Description = "The file for the report, for example WorkQueue.Benchmarks/RESULTS.md." };
RootCommand root = new("Measures this queue beside the raw client and its peers, on a broker of its own.") { names, quick, rounds, output };
root.SetAction(async (parsed, stopping) =>
{
    string[] wanted = parsed.GetValue(names)!;
    bool isQuick = parsed.GetValue(quick);
    await using LocalBroker broker = await LocalBroker.StartAsync();
    Stage stage = new(broker.ConnectionString, isQuick);
    IEnumerable<Comparison> comparisons = scenarios.Where(scenario => wanted.Contains("all") || wanted.Contains(scenario.Key)).SelectMany(scenario => scenario.Value(stage));
    IReadOnlyList<Measured> all = await Runner.RunAsync(comparisons, isQuick ? 1 : parsed.GetValue(rounds), AnsiConsole.Console);
    if (parsed.GetValue(output) is { } file)
    {
        string command = $"dotnet run -c Release --project WorkQueue.Benchmarks -- {string.Join(' ', args)}";
        await File.WriteAllTextAsync(file, Report.Markdown(all,
        [
            $"Command: `{command}`",
            string.Create(CultureInfo.InvariantCulture, $"Machine: {Environment.ProcessorCount} cores, {RuntimeInformation.OSDescription}, {RuntimeInformation.FrameworkDescription}; broker and contenders share it"),
            $"Broker: RabbitMQ {broker.Version}, one node, quorum queues, persistent messages, on loopback",
            "A figure is the median of all rounds; a ratio is the median of the ratios of neighbouring measurements, which is what to trust on a busy machine",
        ]), stopping);
    }

    return 0;
});
return await root.Parse(args).InvokeAsync();
