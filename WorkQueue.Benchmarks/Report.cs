using System.Globalization;
using System.Text;
using Spectre.Console;

namespace WorkQueue.Benchmarks;

/// <summary>Tables of what was measured: for the console, and as Markdown.</summary>
internal static class Report
{
    public static string Number(double value) => value switch
    {
        >= 1000 => value.ToString("N0", CultureInfo.InvariantCulture),
        >= 10 => value.ToString("0.0", CultureInfo.InvariantCulture),
        _ => value.ToString("0.00", CultureInfo.InvariantCulture),
    };

    public static Table Table(Measured measured)
    {
        Table table = new Table().Border(TableBorder.Rounded);
        foreach (string column in Columns(measured))
        {
            table.AddColumn(column);
        }

        foreach (string[] row in Rows(measured))
        {
            table.AddRow([.. row.Select(Markup.Escape)]);
        }

        return table;
    }

    /// <summary>The whole report.</summary>
    /// <param name="all">What was measured.</param>
    /// <param name="facts">Where and how, a line each.</param>
    public static string Markdown(IEnumerable<Measured> all, IEnumerable<string> facts)
    {
        StringBuilder text = new("# Results\n\n");
        text.AppendJoin('\n', facts.Select(fact => $"- {fact}")).Append('\n');
        foreach (Measured measured in all)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n## {measured.Comparison.Title}\n\n");
            string[] columns = [.. Columns(measured)];
            text.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", columns)} |\n|---|{string.Concat(columns.Skip(1).Select(_ => "---:|"))}\n");
            foreach (string[] row in Rows(measured))
            {
                text.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", row)} |\n");
            }

            if (measured.Comparison.Note is { } note)
            {
                text.Append(CultureInfo.InvariantCulture, $"\n{note}\n");
            }
        }

        return text.ToString();
    }

    private static IEnumerable<string> Columns(Measured measured) => ["", .. measured.Comparison.Figures.SelectMany(figure => (string[])[figure, "least – most", "ratio"])];

    private static IEnumerable<string[]> Rows(Measured measured)
    {
        foreach (Contender contender in measured.Comparison.Contenders)
        {
            if (contender.Missing is { } reason)
            {
                yield return [contender.Name, $"not run: {reason}", .. Enumerable.Repeat("", (3 * measured.Comparison.Figures.Count) - 1)];
                continue;
            }

            yield return [contender.Name, .. measured.Comparison.Figures.SelectMany((_, figure) => Cells(measured, contender, figure))];
        }
    }

    private static string[] Cells(Measured measured, Contender contender, int figure)
    {
        (double least, double most) = measured.Spread(contender.Name, figure);
        string ratio = contender.Against is { } against && measured.Rounds.ContainsKey(against)
            ? $"{measured.Ratio(contender.Name, against, figure).ToString("0.00", CultureInfo.InvariantCulture)} of {against}"
            : "";
        return [Number(measured.Median(contender.Name, figure)), $"{Number(least)} – {Number(most)}", ratio];
    }
}
