using System.CommandLine;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq get</c>: all that is known of a task.</summary>
internal static class GetCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> id = Verb.Name("id", "The task.");
        return new Command("get", "Shows a task: its state, attempts, error, payload and result.") { id }.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            TaskView.WriteAll(session.Printer, (await session.Api.GetTaskAsync(parse.GetRequiredValue(id), cancellationToken)).Value);
            return ExitCode.Done;
        });
    }
}
