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
            (IReadOnlyList<DeadLetter> letters, string? next) = await ReadAsync(session.Api, () => options.QueryOf(parse), limit, cancellationToken);
            if (session.Printer.IsJson)
            {
                session.Printer.Document(new Page<DeadLetter>(letters, next));
            }
            else
            {
                Show(session.Printer, letters);
            }

            return ExitCode.Done;
        });
    }

    private static async Task<(IReadOnlyList<DeadLetter> Letters, string? Next)> ReadAsync(ApiClient api, Func<Query> query, int limit, CancellationToken cancellationToken)
    {
        List<DeadLetter> letters = [];
        string? next = null;
        do
        {
            int asked = Math.Min(limit - letters.Count, ApiClient.MaxPage);
            Page<DeadLetter> page = await api.ListDeadLettersAsync(query().Add("limit", asked).Add("cursor", next), cancellationToken);
            letters.AddRange(page.Items);
            next = page.Items.Count > 0 ? page.Next : null;
        }
        while (next is not null && letters.Count < limit);

        return (letters, next);
    }

    private static void Show(Printer printer, IReadOnlyList<DeadLetter> letters)
    {
        Columns columns = new("id", "type", "queue", "dead for", "attempt", "error");
        foreach (DeadLetter letter in letters)
        {
            string error = Plain.Beginning(TaskView.ErrorOf(letter.Reason, letter.ErrorType, letter.Error));
            columns.Add(letter.Id, letter.Type, letter.Queue, printer.Age(letter.DeadAt), letter.Attempt, error);
        }

        columns.WriteTo(printer);
    }
}
