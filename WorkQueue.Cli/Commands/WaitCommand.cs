using System.CommandLine;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq wait</c>: until a task has ended.</summary>
internal static class WaitCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> id = Verb.Name("id", "The task.");
        Option<TimeSpan?> timeout = Verb.Duration("--timeout", "Wait at most so long");
        return new Command("wait", "Waits until a task has ended; 0 if it succeeded, 1 if not, 124 if the time was over before.") { id, timeout }.Runs(
            terminal,
            (session, parse, cancellationToken) =>
                new TaskWaiter(session).WaitAsync(parse.GetRequiredValue(id), parse.GetValue(timeout) ?? Timeout.InfiniteTimeSpan, sentState: null, cancellationToken));
    }
}
