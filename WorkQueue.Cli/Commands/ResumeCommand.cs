using System.CommandLine;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq resume</c>: workers take from a paused queue again.</summary>
internal static class ResumeCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> queue = Verb.Name("queue", "The queue.");
        return new Command("resume", "Lets the workers take from a paused queue again.") { queue }.Runs(terminal, async (session, parse, cancellationToken) =>
            PauseCommand.Show(session, await session.Api.ResumeAsync(parse.GetRequiredValue(queue), cancellationToken)));
    }
}
