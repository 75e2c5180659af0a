using System.CommandLine;
using System.Text.Json;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq run-again</c>: a new run of a task that has ended.</summary>
internal static class RunAgainCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> id = Verb.Name("id", "The task that has ended.");
        Option<string?> payload = new("--payload") { Description = "Another payload for the new run.", HelpName = "json" };
        return new Command("run-again", "Runs a task that has ended once more, as a new task; prints the new id.") { id, payload }.Runs(
            terminal,
            async (session, parse, cancellationToken) =>
            {
                JsonElement? edited = parse.GetValue(payload) is { } json ? WireJson.Parse(json, "--payload") : null;
                TaskView.WriteShort(session.Printer, await session.Api.RunAgainAsync(parse.GetRequiredValue(id), edited, cancellationToken));
                return ExitCode.Done;
            });
    }
}
