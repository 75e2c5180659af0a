using System.CommandLine;
using WorkQueue.Cli.Api;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq dead discard</c>: gone for good.</summary>
internal static class DeadDiscardCommand
{
    public static Command Create(Terminal terminal)
    {
        DeadLetterOptions options = new();
        Option<bool> yes = new("--yes") { Description = "Do not ask." };
        Command command = new("discard", "Throws dead letters away for good; asks before.");
        options.AddTo(command);
        command.Add(yes);
        return command.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            DeadLetterSelection which = options.SelectionOf(parse);
            if (which.DryRun is null && !parse.GetValue(yes) && !await ConfirmAsync(session, which, cancellationToken))
            {
                session.Printer.Note("Nothing was discarded.");
                return ExitCode.Failed;
            }

            return DeadMove.Show(session, which, await session.Api.DiscardAsync(which, cancellationToken), "discarded");
        });
    }

    private static async Task<bool> ConfirmAsync(Session session, DeadLetterSelection which, CancellationToken cancellationToken)
    {
        if (!session.Terminal.CanAsk)
        {
            throw new UsageException("Discarded dead letters are gone: confirm with --yes, or count them with --dry-run.");
        }

        Moved found = await session.Api.DiscardAsync(which with { DryRun = true }, cancellationToken);
        await session.Terminal.Error.WriteAsync($"Discard {found.Count} dead letters for good? [y/N] ");
        using StreamReader input = new(session.Terminal.In, leaveOpen: true);
        string? answer = await input.ReadLineAsync(cancellationToken).AsTask().WaitAsync(cancellationToken);
        return answer?.Trim().ToUpperInvariant() is "Y" or "YES";
    }
}
