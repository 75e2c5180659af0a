using Spectre.Console;

namespace WorkQueue.Benchmarks;

/// <summary>Has the contenders of each comparison measured in turn, A B A B, so that what slows the machine for a while slows all.</summary>
internal static class Runner
{
    public static async Task<IReadOnlyList<Measured>> RunAsync(IEnumerable<Comparison> comparisons, int rounds, IAnsiConsole console)
    {
        List<Measured> all = [];
        foreach (Comparison comparison in comparisons)
        {
            console.MarkupLineInterpolated($"[bold]{comparison.Title}[/]");
            Contender[] contenders = [.. comparison.Contenders.Where(contender => contender.Missing is null)];
            Dictionary<string, double[][]> figures = contenders.ToDictionary(contender => contender.Name, _ => new double[rounds][], StringComparer.Ordinal);
            for (int round = 0; round < rounds; round++)
            {
                foreach (Contender contender in contenders)
                {
                    GC.Collect();
                    figures[contender.Name][round] = await contender.MeasureAsync();
                    string shown = string.Join("  ", figures[contender.Name][round].Select(Report.Number));
                    console.MarkupLineInterpolated($"  round {round + 1}  {contender.Name}: {shown}");
                }
            }

            Measured measured = new(comparison, figures);
            console.Write(Report.Table(measured));
            all.Add(measured);
        }

        return all;
    }
}
