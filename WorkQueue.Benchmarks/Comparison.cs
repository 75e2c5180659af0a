namespace WorkQueue.Benchmarks;

/// <summary>Contenders that do the same work in turn, several times in one run.</summary>
/// <param name="Title">What they do; one section of the report.</param>
/// <param name="Figures">What is measured, with the unit, for example <c>tasks/s</c>.</param>
/// <param name="Contenders">Who does it.</param>
internal sealed record Comparison(string Title, IReadOnlyList<string> Figures, IReadOnlyList<Contender> Contenders)
{
    /// <summary>What a reader has to know besides.</summary>
    public string? Note { get; init; }

    /// <summary>Whether its rows are parts of one long run, which is made once and in their order.</summary>
    public bool IsOnce { get; init; }

    /// <summary>How often it is made of so many rounds.</summary>
    public int TimesOf(int rounds) => IsOnce ? 1 : rounds;
}

/// <summary>One way to do the work.</summary>
/// <param name="Name">Its name in the table.</param>
/// <param name="MeasureAsync">Does the work once and returns the figures of the comparison.</param>
internal sealed record Contender(string Name, Func<Task<double[]>> MeasureAsync)
{
    /// <summary>The names of the contenders it is set against.</summary>
    public IReadOnlyList<string> Against { get; init; } = [];

    /// <summary>Why it cannot be run here, or null.</summary>
    public string? Missing { get; init; }
}

/// <summary>What a contender measured in all rounds.</summary>
internal sealed record Measured(Comparison Comparison, IReadOnlyDictionary<string, double[][]> Rounds)
{
    public double Median(string contender, int figure) => Middle(Rounds[contender].Select(round => round[figure]));

    /// <summary>The median of the ratios of neighbouring measurements: what slows a machine for a while slows both.</summary>
    public double Ratio(string contender, string against, int figure) =>
        Middle(Rounds[contender].Zip(Rounds[against], (own, other) => own[figure] / other[figure]));

    public (double Least, double Most) Spread(string contender, int figure)
    {
        double[] values = [.. Rounds[contender].Select(round => round[figure])];
        return (values.Min(), values.Max());
    }

    private static double Middle(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length % 2 == 1 ? sorted[sorted.Length / 2] : (sorted[(sorted.Length / 2) - 1] + sorted[sorted.Length / 2]) / 2;
    }
}
