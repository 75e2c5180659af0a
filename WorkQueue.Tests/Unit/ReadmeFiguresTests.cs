namespace WorkQueue.Tests.Unit;

/// <summary>The figures in the README are those that were measured.</summary>
public sealed class ReadmeFiguresTests
{
    private static readonly string[] Contenders = ["ours, History=off", "raw client", "MassTransit", "Wolverine, inline", "Wolverine, durable", "Hangfire", "BullMQ"];

    private static readonly (string Label, string Section)[] BesidePeers =
    [
        ("enqueue, 1 caller", "Enqueue, 1 caller, 100 bytes"),
        ("enqueue, 8 callers", "Enqueue, 8 callers, 100 bytes"),
        ("enqueue, 64 callers", "Enqueue, 64 callers, 100 bytes"),
        ("run, 1 slot", "Process, 1 slot, prefetch 1"),
        ("run, 4 slots", "Process, 4 slots, prefetch 1"),
        ("run, 16 slots", "Process, 16 slots, prefetch 1"),
    ];

    private static readonly (string Label, string Section, string Row)[] BesideTheClient =
    [
        ("run, prefetch 1, 4 slots; the client with messages and a channel as ours", "Process, 4 slots, prefetch 1", "ours, History=off"),
        ("run, prefetch 1, 16 slots; the client with messages and a channel as ours", "Process, 16 slots, prefetch 1", "ours, History=off"),
        ("enqueue with the history, 64 callers; the client with a stream", "Enqueue, 64 callers, 100 bytes", "ours, History=all"),
        ("run with the history, 4 slots; the client with a stream", "Process, 4 slots, prefetch 1", "ours, History=all"),
        ("run with `Prefetch=adaptive`, 4 slots; the client at prefetch 32", "Process, 4 slots, by prefetch", "ours, adaptive"),
        ("`POST /tasks`, 64 callers; the client behind the least endpoint", "HTTP: POST /tasks, 64 callers, 100 bytes", "producer, history=off"),
        ("`POST /tasks` with the history; the same with a stream", "HTTP: POST /tasks, 64 callers, 100 bytes", "producer, history=all"),
        ("`POST /tasks/batch`; the client without HTTP, 100 in flight", "HTTP: POST /tasks/batch, 4 callers, 1,000 lines of 100 bytes", "producer, history=off"),
    ];

    private static readonly string Readme = File.ReadAllText(Path.Combine(DocumentationTests.Root, "README.md"));
    private static readonly string[] Report = File.ReadAllLines(Path.Combine(DocumentationTests.Root, "WorkQueue.Benchmarks", "RESULTS.md"));

    [Fact]
    public void Those_beside_peers_are_the_reports() => Assert.Contains(
        string.Concat(BesidePeers.Select(row => $"| {row.Label} | {string.Join(" | ", Contenders.Select(contender => Cells(row.Section, contender)[0]))} |\n")), Readme, StringComparison.Ordinal);

    [Fact]
    public void Those_beside_the_client_are_the_reports() => Assert.Contains(
        string.Concat(BesideTheClient.Select(row =>
        {
            string[] cells = Cells(row.Section, row.Row);
            // The last ratio is against the client.
            return $"| {row.Label} | {cells[0]} | {cells[2].Split(';')[^1].Trim()[..4]} |\n";
        })),
        Readme, StringComparison.Ordinal);

    private static string[] Cells(string section, string row) => Report
        .SkipWhile(line => line != $"## {section}").TakeWhile(line => !line.StartsWith("<sub>", StringComparison.Ordinal))
        .First(line => line.StartsWith($"| {row} |", StringComparison.Ordinal)).Split(" | ")[1..];
}
