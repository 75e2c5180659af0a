using System.CommandLine;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq dead list</c>: dead letters, the oldest first.</summary>
internal static class DeadListCommand
{
    private const int DefaultLimit = 100;

    public static Command Create(Terminal terminal)
    {
        DeadLetterOptions options = new();
        Command command = new("list", $"Lists dead letters, the oldest first, {DefaultLimit} unless --limit says otherwise; looking changes nothing.");
        options.AddFiltersTo(command);
        return command.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            int limit = options.LimitOf(parse) ?? DefaultLimit;
            DeadLetterPage letters = await ReadAsync(session.Api, () => options.QueryOf(parse), limit, cancellationToken);
            if (session.Printer.IsJson)
            {
                session.Printer.Document(letters);
            }
            else
            {
                Show(session.Printer, letters);
            }

            return ExitCode.Done;
        });
    }

    private static async Task<DeadLetterPage> ReadAsync(ApiClient api, Func<Query> query, int limit, CancellationToken cancellationToken)
    {
        List<DeadLetter> letters = [];
        string? next = null;
        string? note = null;
        do
        {
            int asked = Math.Min(limit - letters.Count, ApiClient.MaxPage);
            DeadLetterPage page = await api.ListDeadLettersAsync(query().Add("limit", asked).Add("cursor", next), cancellationToken);
            letters.AddRange(page.Items);
            note = page.Note;
            next = page.Items.Count > 0 ? page.Next : null;
        }
        while (next is not null && letters.Count < limit);

        return new DeadLetterPage(letters, next, note);
    }

    private static void Show(Printer printer, DeadLetterPage page)
    {
        Columns columns = new("id", "type", "queue", "dead for", "attempt", "error");
        foreach (DeadLetter letter in page.Items)
        {
            string error = Plain.Beginning(TaskView.ErrorOf(letter.Reason, letter.ErrorType, letter.Error));
            columns.Add(letter.Id, letter.Type, letter.Queue, printer.Age(letter.DeadAt), letter.Attempt, error);
        }

        columns.WriteTo(printer);
        if (page.Note is not null)
        {
            printer.Note(page.Note);
        }
    }
}
