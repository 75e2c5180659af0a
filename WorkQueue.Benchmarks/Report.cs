using System.Globalization;
using System.Text;
using Spectre.Console;

namespace WorkQueue.Benchmarks;

/// <summary>Tables of what was measured: for the console, and as a section of the report.</summary>
internal static class Report
{
    /// <summary>Between the least and the most.</summary>
    public const string Dash = " – ";

    /// <summary>What stands in place of the figures of a contender that could not be run.</summary>
    public const string NotRun = "not run: ";

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

    /// <summary>Its section of the report, as Markdown without the heading.</summary>
    /// <param name="measured">What was measured.</param>
    /// <param name="origin">Where, when and how often.</param>
    public static string Section(Measured measured, string origin)
    {
        string[] columns = [.. Columns(measured)];
        StringBuilder text = new();
        text.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", columns)} |\n|---|{string.Concat(columns.Skip(1).Select(_ => "---:|"))}\n");
        foreach (string[] row in Rows(measured))
        {
            text.Append(CultureInfo.InvariantCulture, $"| {string.Join(" | ", row)} |\n");
        }

        if (measured.Comparison.Note is { } note)
        {
            text.Append(CultureInfo.InvariantCulture, $"\n{note}\n");
        }

        return text.Append(CultureInfo.InvariantCulture, $"\n<sub>{origin}</sub>\n").ToString();
    }

    private static IEnumerable<string> Columns(Measured measured) => ["", .. measured.Comparison.Figures.SelectMany(figure => (string[])[figure, "least – most", "ratio"])];

    private static IEnumerable<string[]> Rows(Measured measured)
    {
        foreach (Contender contender in measured.Comparison.Contenders)
        {
            if (contender.Missing is { } reason)
            {
                yield return [contender.Name, NotRun + reason, .. Enumerable.Repeat("", (3 * measured.Comparison.Figures.Count) - 1)];
                continue;
            }

            yield return [contender.Name, .. measured.Comparison.Figures.SelectMany((_, figure) => Cells(measured, contender, figure))];
        }
    }

    private static string[] Cells(Measured measured, Contender contender, int figure)
    {
        (double least, double most) = measured.Spread(contender.Name, figure);
        IEnumerable<string> ratios = contender.Against
            .Where(measured.Rounds.ContainsKey)
            .Select(against => string.Create(CultureInfo.InvariantCulture, $"{measured.Ratio(contender.Name, against, figure):0.00} of {against}"));
        return [Number(measured.Median(contender.Name, figure)), Number(least) + Dash + Number(most), string.Join("; ", ratios)];
    }
}
