using Spectre.Console;

namespace WorkQueue.Benchmarks;

/// <summary>
/// Has the contenders of each comparison measured in turn, so that what slows the machine for a while slows all; each second round backwards,
/// A B B A, because a broker still writes what the one before sent.
/// </summary>
/// <param name="rounds">How often each contender is measured.</param>
/// <param name="limit">How long one measurement may take before the run has failed.</param>
/// <param name="console">Where the figures are shown as they come.</param>
internal sealed class Runner(int rounds, TimeSpan limit, IAnsiConsole console)
{
    /// <summary>Measures; each comparison is handed out when it is complete, since a later one may fail.</summary>
    public async IAsyncEnumerable<Measured> RunAsync(IEnumerable<Comparison> comparisons)
    {
        foreach (Comparison comparison in comparisons)
        {
            console.MarkupLineInterpolated($"[bold]{comparison.Title}[/]");
            Contender[] contenders = [.. comparison.Contenders.Where(contender => contender.Missing is null)];
            int times = comparison.TimesOf(rounds);
            Dictionary<string, double[][]> figures = contenders.ToDictionary(contender => contender.Name, _ => new double[times][], StringComparer.Ordinal);
            for (int round = 0; round < times; round++)
            {
                foreach (Contender contender in round % 2 == 0 ? contenders : contenders.Reverse())
                {
                    figures[contender.Name][round] = await MeasureAsync(contender);
                    string shown = string.Join("  ", figures[contender.Name][round].Select(Report.Number));
                    console.MarkupLineInterpolated($"  round {round + 1}  {contender.Name}: {shown}");
                }
            }

            Measured measured = new(comparison, figures);
            console.Write(Report.Table(measured));
            yield return measured;
        }
    }

    private async Task<double[]> MeasureAsync(Contender contender)
    {
        // What the one before left behind is not to be collected at the expense of this one.
        GC.Collect();
        try
        {
            double[] figures = await contender.MeasureAsync().WaitAsync(limit, TimeProvider.System);
            return figures.All(double.IsFinite) ? figures : throw new InvalidOperationException($"it measured {string.Join(", ", figures)}");
        }
        catch (Exception failure)
        {
            throw new InvalidOperationException($"'{contender.Name}' failed: {failure.Message}", failure);
        }
    }
}
