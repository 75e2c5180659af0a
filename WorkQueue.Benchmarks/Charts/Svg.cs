using System.Globalization;
using System.Net;
using System.Text;

namespace WorkQueue.Benchmarks.Charts;

/// <summary>Draws horizontal bars. Its colours follow the reader's, on a background of its own: a page may be dark where its reader's system is not.</summary>
internal static class Svg
{
    private const int Width = 860, Margin = 24, BarsFrom = 270, BarsTo = 740, RowHeight = 26, BarHeight = 14, PanelHead = 44, Head = 66;

    private const string Style = """
        text { font: 13px -apple-system, "Segoe UI", Helvetica, Arial, sans-serif; fill: #1f2328 }
        .title { font-size: 17px; font-weight: 600 }
        .panel { font-weight: 600 }
        .muted { fill: #59636e; font-size: 12px }
        .card { fill: #ffffff; stroke: #d1d9e0 }
        .other { fill: #9aa4af }
        .ours { fill: #2f6fdb }
        .spread { stroke: #1f2328; stroke-width: 1.5 }
        @media (prefers-color-scheme: dark) {
          text { fill: #f0f6fc }
          .muted { fill: #9198a1 }
          .card { fill: #0d1117; stroke: #3d444d }
          .other { fill: #656c76 }
          .ours { fill: #4493f8 }
          .spread { stroke: #f0f6fc }
        }
        """;

    public static string Draw(string title, string note, IReadOnlyList<Panel> panels)
    {
        int height = Head + panels.Sum(panel => PanelHead + (RowHeight * panel.Bars.Count)) + Margin;
        StringBuilder svg = new();
        svg.Append(CultureInfo.InvariantCulture, $"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {Width} {height}\" width=\"{Width}\" height=\"{height}\" role=\"img\">\n");
        svg.Append(CultureInfo.InvariantCulture, $"<title>{Escaped(title)}</title>\n<style>\n{Style}\n</style>\n");
        svg.Append(CultureInfo.InvariantCulture, $"<rect class=\"card\" x=\"0.5\" y=\"0.5\" width=\"{Width - 1}\" height=\"{height - 1}\" rx=\"6\"/>\n");
        Text(svg, Margin, 34, "title", title);
        Text(svg, Margin, 55, "muted", note);
        int top = Head;
        foreach (Panel panel in panels)
        {
            Text(svg, Margin, top + 30, "panel", $"{panel.Title} ({panel.Unit})");
            top += PanelHead;
            double scale = (BarsTo - BarsFrom) / panel.Bars.Max(bar => bar.Most);
            foreach (Bar bar in panel.Bars)
            {
                Row(svg, bar, top, scale);
                top += RowHeight;
            }
        }

        return svg.Append("</svg>\n").ToString();
    }

    private static void Row(StringBuilder svg, Bar bar, int top, double scale)
    {
        int middle = top + (RowHeight / 2);
        double least = BarsFrom + (bar.Least * scale), most = BarsFrom + (bar.Most * scale);
        Text(svg, BarsFrom - 10, middle + 4, "name", bar.Name, " text-anchor=\"end\"");
        svg.Append(CultureInfo.InvariantCulture,
            $"<rect class=\"{(bar.IsOurs ? "ours" : "other")}\" x=\"{BarsFrom}\" y=\"{middle - (BarHeight / 2)}\" width=\"{bar.Median * scale:0.0}\" height=\"{BarHeight}\" rx=\"2\"/>\n");
        svg.Append(CultureInfo.InvariantCulture,
            $"<path class=\"spread\" d=\"M{least:0.0} {middle}H{most:0.0}M{least:0.0} {middle - 4}v8M{most:0.0} {middle - 4}v8\"/>\n");
        Text(svg, most + 10, middle + 4, "value", Report.Number(bar.Median));
    }

    private static void Text(StringBuilder svg, double left, int baseline, string kind, string text, string more = "") =>
        svg.Append(CultureInfo.InvariantCulture, $"<text class=\"{kind}\" x=\"{left:0.0}\" y=\"{baseline}\"{more}>{Escaped(text)}</text>\n");

    private static string Escaped(string text) => WebUtility.HtmlEncode(text);
}
