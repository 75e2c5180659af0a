using System.Globalization;

namespace WorkQueue.Benchmarks.Charts;

/// <summary>One bar: a median, and the least and the most of the rounds.</summary>
internal sealed record Bar(string Name, double Median, double Least, double Most)
{
    public bool IsOurs => Name.StartsWith("ours", StringComparison.Ordinal);
}

/// <summary>Bars on one scale.</summary>
internal sealed record Panel(string Title, string Unit, IReadOnlyList<Bar> Bars);

/// <summary>What of the report is drawn.</summary>
internal static class Chart
{
    private const string OnClassic = ", classic queues";

    // Celery is measured on classic queues, with ours and the raw client beside it.
    private static readonly (string Title, string Unit, string Section)[] Drawn =
    [
        ("Enqueued, 64 callers that each wait for their confirm, 100 bytes", "tasks/s", "Enqueue, 64 callers, 100 bytes"),
        ("Run, tasks that do nothing, 4 slots, prefetch 1", "tasks/s", "Process, 4 slots, prefetch 1"),
        ("The same, by prefetch, of a large backlog", "tasks/s", "Process, 4 slots, by prefetch"),
    ];

    /// <summary>The chart as SVG; the same for the same figures.</summary>
    /// <exception cref="InvalidOperationException">The report has none of the sections that are drawn.</exception>
    public static string Draw(ResultsFile results)
    {
        Panel[] panels = [.. Drawn.Select(drawn => new Panel(drawn.Title, drawn.Unit, [.. BarsOf(results, drawn.Section)])).Where(panel => panel.Bars.Count > 0)];
        return panels.Length > 0
            ? Svg.Draw("Beside the RabbitMQ client and its peers", "Median of all rounds, and from the least to the most. Broker and programs on one machine.", panels)
            : throw new InvalidOperationException($"The chart needs figures: a report (--output) with at least one of {string.Join(", ", Drawn.Select(drawn => $"'{drawn.Section}'"))}.");
    }

    private static IEnumerable<Bar> BarsOf(ResultsFile results, string section) =>
        Rows(results, section).Concat(Rows(results, section + OnClassic).Select(bar => bar with { Name = $"{bar.Name}, classic queue" }));

    private static IEnumerable<Bar> Rows(ResultsFile results, string section)
    {
        // The first one names the columns; the line below it has no space.
        foreach (string line in results.Sections.GetValueOrDefault(section, "").Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1))
        {
            string[] cells = [.. line.Trim('|').Split('|').Select(cell => cell.Trim())];
            if (!cells[1].StartsWith(Report.NotRun.Trim(), StringComparison.Ordinal))
            {
                string[] spread = cells[2].Split(Report.Dash);
                yield return new Bar(cells[0], Number(cells[1]), Number(spread[0]), Number(spread[1]));
            }
        }
    }

    private static double Number(string text) => double.Parse(text, NumberStyles.Number, CultureInfo.InvariantCulture);
}
