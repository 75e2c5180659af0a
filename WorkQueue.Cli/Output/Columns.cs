using Spectre.Console;

namespace WorkQueue.Cli.Output;

/// <summary>A table without lines, as <c>rabbitmqctl</c> prints them: a heading and columns.</summary>
internal sealed class Columns
{
    private readonly Table _table = new Table().NoBorder();

    public Columns(params string[] names)
    {
        foreach (string name in names)
        {
            _table.AddColumn(new TableColumn(new Text(name, new Style(decoration: Decoration.Bold))).Padding(0, 0, 2, 0));
        }
    }

    /// <summary>Adds a row; null is shown as <c>?</c>, not known.</summary>
    public void Add(params object?[] cells) =>
        _table.AddRow(cells.Select(cell => cell as Text ?? new Text(Plain.Line(cell is null ? "?" : FormattableString.Invariant($"{cell}")))));

    public void WriteTo(Printer printer, bool withHeading = true) => printer.Write(withHeading ? _table : _table.HideHeaders());
}
