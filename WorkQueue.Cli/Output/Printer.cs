using System.Globalization;
using Spectre.Console;
using Spectre.Console.Rendering;

namespace WorkQueue.Cli.Output;

/// <summary>Writes results: JSON for programs, tables and lines for people; colours only where a person looks.</summary>
internal sealed class Printer
{
    // What is wider than the terminal is for the terminal to wrap, so that it can be copied whole.
    private const int Unwrapped = 100_000;

    private readonly Terminal _terminal;
    private readonly IAnsiConsole _wide;

    public Printer(Terminal terminal, bool json)
    {
        (_terminal, IsJson, Console, _wide) = (terminal, json, NewConsole(terminal), NewConsole(terminal));
        _wide.Profile.Width = Unwrapped;
    }

    public bool IsJson { get; }

    /// <summary>A bar can move.</summary>
    public bool CanShowProgress => _terminal.IsInteractive && !IsJson && Console.Profile.Capabilities.Ansi;

    /// <summary>For what moves: as wide as the terminal.</summary>
    public IAnsiConsole Console { get; }

    /// <summary>One JSON document, on one line.</summary>
    public void Document<T>(T value) => _terminal.Out.WriteLine(WireJson.Write(value));

    /// <summary>One line of words, each with its colour.</summary>
    public void Line(params (string Text, Style Style)[] words)
    {
        Paragraph line = new();
        string between = "";
        foreach ((string text, Style style) in words.Where(word => word.Text.Length > 0))
        {
            line.Append(between).Append(Plain.Line(text), style);
            between = " ";
        }

        _wide.Write(line);
        _terminal.Out.WriteLine();
    }

    public void Line(string text) => _terminal.Out.WriteLine(Plain.Line(text));

    public void Block(string text) => _terminal.Out.WriteLine(Plain.Block(text));

    public void Write(IRenderable what) => _wide.Write(what);

    /// <summary>Something to know that is no result.</summary>
    public void Note(string text) => _terminal.Error.WriteLine($"wq: {Plain.Line(text)}");

    public string Time(DateTimeOffset? time) => time is { } known
        ? TimeZoneInfo.ConvertTime(known, _terminal.Clock.LocalTimeZone).ToString("yyyy-MM-dd HH:mm:ss", CultureInfo.InvariantCulture)
        : "";

    public string Age(DateTimeOffset? time) => time is { } known ? Durations.Text(_terminal.Clock.GetUtcNow() - known) : "";

    private static IAnsiConsole NewConsole(Terminal terminal) => AnsiConsole.Create(new AnsiConsoleSettings
    {
        Out = new AnsiConsoleOutput(terminal.Out),
        Ansi = terminal.IsInteractive ? AnsiSupport.Detect : AnsiSupport.No,
        ColorSystem = terminal.IsInteractive && string.IsNullOrEmpty(terminal.Variable("NO_COLOR")) ? ColorSystemSupport.Detect : ColorSystemSupport.NoColors,
        Interactive = terminal.IsInteractive ? InteractionSupport.Detect : InteractionSupport.No,
    });
}
