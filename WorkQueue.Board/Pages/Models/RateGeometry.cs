using System.Globalization;
using System.Text;

namespace WorkQueue.Board.Pages.Models;

/// <summary>Where the lines of a chart go. The chart is <see cref="Width"/> by <see cref="Height"/>, stretched to its place.</summary>
internal static class RateGeometry
{
    public const int Width = 600;
    public const int Height = 160;

    /// <summary>The upper end of the axis: 1, 2 or 5 times a power of ten, at least as much as the largest value.</summary>
    public static long Top(IEnumerable<long> values)
    {
        long most = Math.Max(1, values.DefaultIfEmpty().Max());
        long power = 1;
        while (power * 10 < most)
        {
            power *= 10;
        }

        return power >= most ? power : 2 * power >= most ? 2 * power : 5 * power >= most ? 5 * power : 10 * power;
    }

    /// <summary>The points of a line, the oldest value at the left edge.</summary>
    public static string Line(IReadOnlyList<long> values, long top, int width = Width, int height = Height)
    {
        StringBuilder points = new();
        for (int i = 0; i < values.Count; i++)
        {
            double x = values.Count == 1 ? width : (double)i * width / (values.Count - 1);
            double y = height - ((double)Math.Min(values[i], top) / top * height);
            points.Append(CultureInfo.InvariantCulture, $"{(i == 0 ? "" : " ")}{x:0.#},{y:0.#}");
        }

        return points.ToString();
    }

    /// <summary>The same line closed along the bottom, to be filled.</summary>
    public static string Area(IReadOnlyList<long> values, long top, int width = Width, int height = Height) =>
        values.Count == 0 ? "" : string.Create(CultureInfo.InvariantCulture, $"0,{height} {Line(values, top, width, height)} {width},{height}");
}
