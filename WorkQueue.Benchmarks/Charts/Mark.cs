using System.Globalization;

namespace WorkQueue.Benchmarks.Charts;

/// <summary>A row of the report: a median, and the least and the most of the rounds.</summary>
internal sealed record Mark(string Name, double Median, double Least, double Most)
{
    public bool IsOwn => Name.StartsWith("ours", StringComparison.Ordinal) || Name.StartsWith("producer", StringComparison.Ordinal);

    /// <summary>The rows of a section; none where the report does not have it, and none that was not run.</summary>
    /// <param name="results">The report.</param>
    /// <param name="section">The title of the section.</param>
    /// <param name="figure">Which of its figures.</param>
    public static IEnumerable<Mark> Of(ResultsFile results, string section, int figure = 0)
    {
        // The first one names the columns; the line below it has no space.
        foreach (string line in results.Sections.GetValueOrDefault(section, "").Split('\n').Where(line => line.StartsWith("| ", StringComparison.Ordinal)).Skip(1))
        {
            string[] cells = [.. line.Trim('|').Split('|').Select(cell => cell.Trim())];
            int column = 1 + (3 * figure);
            if (!cells[1].StartsWith(Report.NotRun.Trim(), StringComparison.Ordinal))
            {
                string[] spread = cells[column + 1].Split(Report.Dash);
                yield return new Mark(cells[0], Number(cells[column]), Number(spread[0]), Number(spread[1]));
            }
        }
    }

    private static double Number(string text) => double.Parse(text, NumberStyles.Number, CultureInfo.InvariantCulture);
}
