using System.CommandLine;
using WorkQueue.Cli.Api;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq dead redrive</c>: back into their queues.</summary>
internal static class DeadRedriveCommand
{
    public static Command Create(Terminal terminal)
    {
        DeadLetterOptions options = new();
        Command command = new("redrive", "Puts dead letters back into their queues, from attempt 1.");
        options.AddTo(command);
        return command.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            DeadLetterSelection which = options.SelectionOf(parse);
            return DeadMove.Show(session, which, await session.Api.RedriveAsync(which, cancellationToken), "redriven");
        });
    }
}
