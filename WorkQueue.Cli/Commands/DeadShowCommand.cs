using System.CommandLine;
using System.Globalization;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq dead show</c>: one dead letter with its payload.</summary>
internal static class DeadShowCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> id = Verb.Name("id", "The task.");
        return new Command("show", "Shows a dead letter with its error and payload.") { id }.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            string wanted = parse.GetRequiredValue(id);
            // Asked for by id, its payload is whole.
            DeadLetterPage page = await session.Api.ListDeadLettersAsync(new Query().Add("id", wanted), cancellationToken);
            DeadLetter letter = page.Items.FirstOrDefault(letter => letter.Id == wanted)
                ?? throw new ApiException(ExitCode.NotFound, $"There is no dead letter '{wanted}'; 'wq get {wanted}' shows the task.{(page.Note is null ? "" : $" {page.Note}")}");
            Show(session.Printer, letter);
            if (page.Next is not null || page.Items.Count > 1)
            {
                session.Printer.Note("This is the oldest of several letters of this id; 'wq dead list --json' shows all.");
            }

            return ExitCode.Done;
        });
    }

    private static void Show(Printer printer, DeadLetter letter)
    {
        if (printer.IsJson)
        {
            printer.Document(letter);
            return;
        }

        TaskView.WriteFields(printer,
        [
            ("id", letter.Id),
            ("type", letter.Type),
            ("queue", letter.Queue),
            ("attempt", letter.Attempt?.ToString(CultureInfo.InvariantCulture)),
            ("redriven", letter.Redriven > 0 ? letter.Redriven.Value.ToString(CultureInfo.InvariantCulture) : null),
            ("enqueued", printer.Time(letter.EnqueuedAt)),
            ("dead since", printer.Time(letter.DeadAt)),
            ("reason", letter.Reason),
            ("error", TaskView.ErrorOf(null, letter.ErrorType, letter.Error)),
        ]);
        TaskView.WriteBlock(printer, "payload", letter.Payload, letter.Text);
    }
}
