using System.CommandLine;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq cancel</c>: a task that waits never runs, one that runs is told to stop.</summary>
internal static class CancelCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> id = Verb.Name("id", "The task.");
        return new Command("cancel", "Cancels a task: one that waits never runs, one that runs is told to stop.") { id }.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            TaskView.WriteShort(session.Printer, await session.Api.CancelAsync(parse.GetRequiredValue(id), cancellationToken));
            return ExitCode.Done;
        });
    }
}
