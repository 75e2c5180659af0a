using System.CommandLine;
using System.Net.ServerSentEvents;
using System.Text.Json;
using Spectre.Console;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq watch</c>: events as they happen.</summary>
internal static class WatchCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string[]> patterns = new("pattern")
        {
            Description = "Topics: 'task.#', 'task.default.*.deadLettered', 'orders.*.created'; * is one word, # any number of words. Quote it.",
            Arity = ArgumentArity.OneOrMore,
        };
        return new Command("watch", "Shows events as they happen, until Ctrl+C; goes on where it stopped after a lost connection.") { patterns }.Runs(
            terminal,
            (session, parse, cancellationToken) => RunAsync(session, parse.GetRequiredValue(patterns), cancellationToken));
    }

    private static async Task<int> RunAsync(Session session, string[] patterns, CancellationToken cancellationToken)
    {
        EventStream events = new(session.Api, session.Terminal.Clock, session.Printer.Note);
        try
        {
            await events.ReadAsync(patterns, item => Show(session.Printer, item), cancellationToken);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            // The way to end it.
        }

        return ExitCode.Done;
    }

    private static void Show(Printer printer, SseItem<string> item)
    {
        JsonElement? data = Read(item.Data);
        if (printer.IsJson)
        {
            printer.Document(data ?? JsonSerializer.SerializeToElement(new { topic = item.EventType, text = item.Data }, WireJson.Options));
        }
        else if (item.EventType.StartsWith("task.", StringComparison.Ordinal) && data is { } json && Read<TaskEvent>(json) is { } task)
        {
            printer.Line([.. WordsOf(printer, task)]);
        }
        else
        {
            printer.Line([.. WordsOf(printer, item, data)]);
        }
    }

    private static IEnumerable<(string Text, Style Style)> WordsOf(Printer printer, SseItem<string> item, JsonElement? data)
    {
        if (data is { } json && Read<UserEvent>(json) is { Payload: { } payload } user)
        {
            yield return (printer.Time(user.At), Style.Plain);
            data = payload;
        }

        yield return (item.EventType, new Style(Color.Aqua));
        yield return (data is { } shown ? shown.ValueKind == JsonValueKind.String ? shown.GetString()! : WireJson.Write(shown) : item.Data, Style.Plain);
    }

    private static IEnumerable<(string Text, Style Style)> WordsOf(Printer printer, TaskEvent task)
    {
        yield return (printer.Time(task.At), Style.Plain);
        yield return ((task.State ?? "").PadRight("deadLettered".Length), States.StyleOf(task.State ?? ""));
        yield return ($"{task.Queue} {task.Type} {task.Id}", Style.Plain);
        yield return (string.Join(", ", DetailsOf(printer, task)), Style.Plain);
    }

    private static IEnumerable<string> DetailsOf(Printer printer, TaskEvent task)
    {
        if (task.Attempt > 1)
        {
            yield return $"attempt {task.Attempt}";
        }

        if (task.Worker is not null)
        {
            yield return task.Worker;
        }

        if (task.Percent is not null || task.Progress is not null)
        {
            yield return $"{TaskView.Percent(task.Percent)} {task.Progress}".Trim();
        }

        if (TaskView.ErrorOf(null, task.ErrorType, task.Error) is { Length: > 0 } error)
        {
            yield return error;
        }

        if (task.NextAt is { } next)
        {
            yield return $"next attempt {printer.Time(next)}";
        }
    }

    private static JsonElement? Read(string data)
    {
        try
        {
            return JsonSerializer.Deserialize<JsonElement>(data, WireJson.Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static T? Read<T>(JsonElement data)
        where T : class
    {
        try
        {
            return data.Deserialize<T>(WireJson.Options);
        }
        catch (JsonException)
        {
            return null;
        }
    }
}
