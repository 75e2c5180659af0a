using System.Globalization;
using ScottPlot;
using ScottPlot.Plottables;
using ScottPlot.TickGenerators;

namespace WorkQueue.Benchmarks.Charts;

/// <summary>A column of figures of one section of the report, as a picture.</summary>
/// <param name="Title">What is measured, and its unit.</param>
/// <param name="Marks">Its rows.</param>
internal sealed record Chart(string Title, IReadOnlyList<Mark> Marks)
{
    private const int Width = 1_600, RowHeight = 58, HeadHeight = 90, CurveHeight = 560;
    private static readonly Color Own = Color.FromHex("#2f6fdb"), Other = Color.FromHex("#9aa4af"), Ink = Color.FromHex("#1f2328");

    /// <summary>Draws them as horizontal bars; the same figures always look the same, as the font comes along.</summary>
    /// <param name="file">The picture, a PNG.</param>
    public void SaveBars(string file) => Save(file, HeadHeight + (RowHeight * Marks.Count), AddBars);

    /// <summary>Draws how they grow, along the names of the rows.</summary>
    /// <param name="file">The picture, a PNG.</param>
    public void SaveCurve(string file) => Save(file, CurveHeight, AddCurve);

    private void Save(string file, int height, Action<Plot> add)
    {
        Fonts.AddFontFile("DejaVu Sans", Repository.Path("WorkQueue.Worker/Fonts/DejaVuSans.ttf"), bold: false, italic: false);
        Fonts.Default = "DejaVu Sans";
        using Plot plot = new() { ScaleFactor = 2 };
        plot.Title(Title, size: 13);
        plot.Axes.Title.Label.Bold = false;
        plot.Axes.Color(Ink);
        add(plot);
        plot.SavePng(file, Width, height);
    }

    private void AddBars(Plot plot)
    {
        int last = Marks.Count - 1;
        double[] places = [.. Marks.Select((_, row) => (double)(last - row))];
        Bar[] rows = [.. Marks.Select((mark, row) => new Bar
        {
            Position = places[row],
            Value = mark.Median,
            Orientation = Orientation.Horizontal,
            Size = 0.6,
            FillColor = mark.IsOwn ? Own : Other,
            LineWidth = 0,
        })];
        BarPlot bars = plot.Add.Bars(rows);
        bars.Horizontal = true;
        AddSpread(plot, places, horizontal: true);
        foreach ((Mark mark, double place) in Marks.Zip(places))
        {
            Text text = plot.Add.Text(Report.Number(mark.Median), Math.Max(mark.Most, mark.Median), place);
            (text.LabelAlignment, text.OffsetX, text.LabelFontColor) = (Alignment.MiddleLeft, 8, Ink);
        }

        plot.Axes.Left.TickGenerator = new NumericManual(places, [.. Marks.Select(mark => mark.Name)]);
        plot.Axes.Left.MajorTickStyle.Length = 0;
        plot.Axes.Bottom.IsVisible = plot.Axes.Right.IsVisible = plot.Axes.Top.IsVisible = false;
        plot.Axes.SetLimits(0, Marks.Max(mark => mark.Most) * 1.12, -0.6, last + 0.6);
        // One width for the names, so that charts below each other begin at one line.
        plot.Axes.Left.MinimumSize = plot.Axes.Left.MaximumSize = 190;
        plot.HideGrid();
    }

    private void AddCurve(Plot plot)
    {
        double[] places = [.. Marks.Select((_, row) => (double)row)];
        Scatter line = plot.Add.Scatter(places, [.. Marks.Select(mark => mark.Median)]);
        (line.Color, line.LineWidth, line.MarkerSize) = (Own, 2, 7);
        AddSpread(plot, places, horizontal: false);
        plot.Axes.Bottom.TickGenerator = new NumericManual(places, [.. Marks.Select(mark => mark.Name)]);
        plot.Axes.Left.TickGenerator = new NumericAutomatic { LabelFormatter = value => value.ToString("N0", CultureInfo.InvariantCulture) };
        plot.Axes.SetLimits(-0.4, Marks.Count - 0.6, 0, Marks.Max(mark => mark.Most) * 1.12);
        plot.Axes.Right.IsVisible = plot.Axes.Top.IsVisible = false;
    }

    private void AddSpread(Plot plot, double[] places, bool horizontal)
    {
        double[] medians = [.. Marks.Select(mark => mark.Median)], below = [.. Marks.Select(mark => mark.Median - mark.Least)], above = [.. Marks.Select(mark => mark.Most - mark.Median)];
        (double[] xs, double[] ys) = horizontal ? (medians, places) : (places, medians);
        ErrorBar spread = horizontal
            ? new(xs, ys, null, null, null, null) { XErrorNegative = below, XErrorPositive = above }
            : new(xs, ys, null, null, null, null) { YErrorNegative = below, YErrorPositive = above };
        spread.Color = Ink;
        plot.Add.Plottable(spread);
    }
}
