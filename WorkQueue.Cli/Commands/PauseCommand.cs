using System.CommandLine;
using WorkQueue.Cli.Api;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq pause</c>: workers stop taking from a queue.</summary>
internal static class PauseCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> queue = Verb.Name("queue", "The queue.");
        return new Command("pause", "Stops the workers from taking from a queue; what they run, they finish.") { queue }.Runs(terminal, async (session, parse, cancellationToken) =>
            Show(session, await session.Api.PauseAsync(parse.GetRequiredValue(queue), cancellationToken)));
    }

    public static int Show(Session session, QueueSwitch queue)
    {
        if (session.Printer.IsJson)
        {
            session.Printer.Document(queue);
        }
        else
        {
            session.Printer.Line($"{queue.Queue} {(queue.Paused ? "paused" : "running")}");
        }

        return ExitCode.Done;
    }
}
