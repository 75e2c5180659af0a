using System.Globalization;
using System.Text.Json;
using Spectre.Console;
using WorkQueue.Cli.Api;

namespace WorkQueue.Cli.Output;

/// <summary>A task in one line, and with all that is known of it.</summary>
internal static class TaskView
{
    /// <summary>Its id and state.</summary>
    public static void WriteShort(Printer printer, TaskAccepted task)
    {
        if (printer.IsJson)
        {
            printer.Document(task);
        }
        else
        {
            (string, Style)[] was = task.Existing == true ? [("existing", Style.Plain)] : [];
            printer.Line([(task.Id, Style.Plain), (task.State, States.StyleOf(task.State)), .. was]);
        }
    }

    /// <summary>How it ended.</summary>
    public static void WriteEnd(Printer printer, TaskDetail task)
    {
        if (printer.IsJson)
        {
            printer.Document(task);
            return;
        }

        string what = task.State == States.Succeeded ? Json(task.Result) : ErrorOf(task);
        printer.Line((task.Id, Style.Plain), (task.State, States.StyleOf(task.State)), (what, Style.Plain));
    }

    /// <summary>Everything.</summary>
    public static void WriteAll(Printer printer, TaskDetail task)
    {
        if (printer.IsJson)
        {
            printer.Document(task);
            return;
        }

        WriteFields(printer, FieldsOf(printer, task));
        WriteAttempts(printer, task.Attempts ?? []);
        WriteBlock(printer, "payload", task.Payload, task.Text);
        WriteBlock(printer, "result", task.Result, null);
    }

    public static void WriteFields(Printer printer, IEnumerable<(string Name, string? Value)> fields)
    {
        Grid grid = new Grid().AddColumn(new GridColumn().NoWrap()).AddColumn();
        foreach ((string name, string? value) in fields.Where(field => !string.IsNullOrEmpty(field.Value)))
        {
            grid.AddRow(new Text(name, new Style(decoration: Decoration.Bold)), new Text(Plain.Block(value), name == "state" ? States.StyleOf(value!) : Style.Plain));
        }

        printer.Write(grid);
    }

    public static void WriteBlock(Printer printer, string name, JsonElement? json, string? text)
    {
        if ((json is { } value ? WireJson.WriteIndented(value) : text) is { } block)
        {
            printer.Block($"\n{name}\n{block}");
        }
    }

    public static string ErrorOf(string? reason, string? errorType, string? error) =>
        string.Join(": ", new[] { reason, errorType, error }.Where(part => !string.IsNullOrEmpty(part)).Distinct());

    public static string Percent(double? percent) => percent is { } known ? string.Create(CultureInfo.InvariantCulture, $"{known:0.#} %") : "";

    private static string ErrorOf(TaskDetail task) => ErrorOf(task.Reason, task.ErrorType, task.Error);

    private static IEnumerable<(string Name, string? Value)> FieldsOf(Printer printer, TaskDetail task) =>
    [
        ("id", task.Id),
        ("state", task.State),
        ("type", task.Type),
        ("queue", task.Queue),
        ("attempt", Number(task.Attempt)),
        ("progress", $"{Percent(task.Percent)} {task.Progress}".Trim()),
        ("worker", task.Worker),
        ("enqueued", printer.Time(task.EnqueuedAt)),
        ("changed", printer.Time(task.ChangedAt)),
        ("due", printer.Time(task.DueAt)),
        ("deadline", printer.Time(task.Deadline)),
        ("redriven", task.Redriven > 0 ? Number(task.Redriven) : null),
        ("duplicates", task.Duplicates > 0 ? Number(task.Duplicates) : null),
        ("run of", task.RunOf),
        ("chain", task.Chain is { } chain ? $"{Number(chain.Place + 1)} of {Number(chain.Steps?.Count)}, first {chain.First}" : null),
        ("batch", task.Batch is { } batch ? $"{batch.Id}, task {Number(batch.Number)}" : null),
        ("trace", task.TraceId),
        ("error", ErrorOf(task)),
    ];

    private static void WriteAttempts(Printer printer, IReadOnlyList<AttemptRow> attempts)
    {
        if (attempts.Count == 0)
        {
            return;
        }

        Columns columns = new("attempt", "started", "took", "worker", "outcome", "error");
        foreach (AttemptRow attempt in attempts)
        {
            columns.Add(
                attempt.Attempt,
                printer.Time(attempt.StartedAt),
                attempt.EndedAt - attempt.StartedAt is { } took ? Durations.Text(took) : "",
                attempt.Worker ?? "",
                attempt.Outcome ?? "running",
                ErrorOf(null, attempt.ErrorType, attempt.Error));
        }

        printer.Block("\n");
        columns.WriteTo(printer);
    }

    /// <summary>A number as text; null where there is none.</summary>
    public static string? Number(int? number) => number?.ToString(CultureInfo.InvariantCulture);

    private static string Json(JsonElement? value) => value is { ValueKind: not JsonValueKind.Null } json ? WireJson.Write(json) : "";
}
