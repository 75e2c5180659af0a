using System.CommandLine;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq dead</c>: the verbs for dead letters.</summary>
internal static class DeadCommand
{
    public static Command Create(Terminal terminal) => new("dead", "Tasks that will not be retried: look at them, put them back, throw them away.")
    {
        DeadListCommand.Create(terminal),
        DeadShowCommand.Create(terminal),
        DeadRedriveCommand.Create(terminal),
        DeadDiscardCommand.Create(terminal),
    };
}
