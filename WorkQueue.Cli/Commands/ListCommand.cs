using System.CommandLine;
using System.Runtime.CompilerServices;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq list</c>: tasks, the newest first.</summary>
internal sealed class ListCommand
{
    private const int DefaultLimit = 50;

    private readonly Option<string[]> _state = new("--state") { Description = $"Only tasks in these states ({string.Join(", ", States.All)}).", HelpName = "state" };
    private readonly Option<string?> _type = Verb.Text("--type", "Only tasks of this type.");
    private readonly Option<string?> _queue = Verb.Text("--queue", "Only tasks of this queue.");
    private readonly Option<string?> _search = Verb.Text("--search", "Only tasks with this text in what is known of them.");
    private readonly Option<int?> _limit = Verb.Number("--limit", $"At most so many ({DefaultLimit}).");
    private readonly Option<bool> _all = new("--all") { Description = "All of them; with --json a task a line." };

    public static Command Create(Terminal terminal) => new ListCommand().Build(terminal);

    private Command Build(Terminal terminal) =>
        new Command("list", "Lists tasks, the newest first.") { _state, _type, _queue, _search, _limit, _all }.Runs(terminal, RunAsync);

    private async Task<int> RunAsync(Session session, ParseResult parse, CancellationToken cancellationToken)
    {
        if (parse.GetValue(_all) && parse.GetValue(_limit) is not null)
        {
            throw new UsageException("--all has no --limit; give one of them.");
        }

        List<TaskRow> listed = [];
        string? next = null;
        bool isFirst = true;
        await foreach (Page<TaskRow> page in PagesAsync(session, parse, cancellationToken))
        {
            if (!session.Printer.IsJson)
            {
                ShowRows(session.Printer, page.Items, isFirst);
            }
            else if (parse.GetValue(_all))
            {
                page.Items.ToList().ForEach(session.Printer.Document);
            }
            else
            {
                listed.AddRange(page.Items);
            }

            (next, isFirst) = (page.Next, false);
        }

        if (session.Printer.IsJson && !parse.GetValue(_all))
        {
            session.Printer.Document(new Page<TaskRow>(listed, next));
        }

        return ExitCode.Done;
    }

    private async IAsyncEnumerable<Page<TaskRow>> PagesAsync(Session session, ParseResult parse, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        int left = parse.GetValue(_all) ? int.MaxValue : parse.GetValue(_limit) ?? DefaultLimit;
        string? cursor = null;
        do
        {
            Answer<Page<TaskRow>> answer = await session.Api.ListTasksAsync(QueryOf(parse, Math.Min(left, ApiClient.MaxPage), cursor), cancellationToken);
            if (cursor is null)
            {
                NoteHistory(session.Printer, answer.History);
            }

            yield return answer.Value;
            left -= answer.Value.Items.Count;
            cursor = answer.Value.Items.Count > 0 ? answer.Value.Next : null;
        }
        while (cursor is not null && left > 0);
    }

    private Query QueryOf(ParseResult parse, int limit, string? cursor)
    {
        string[] states = parse.GetValue(_state) ?? [];
        return new Query()
            .Add("state", states.Length > 0 ? string.Join(',', states) : null)
            .Add("type", parse.GetValue(_type))
            .Add("queue", parse.GetValue(_queue))
            .Add("q", parse.GetValue(_search))
            .Add("limit", limit)
            .Add("cursor", cursor);
    }

    private static void NoteHistory(Printer printer, string? history)
    {
        if (history == ApiConnection.Replaying)
        {
            printer.Note("The producer still reads its history: the list may be incomplete.");
        }
        else if (history == "off")
        {
            printer.Note("The producer keeps no history (WorkQueue:History is off): the list is incomplete.");
        }
    }

    private static void ShowRows(Printer printer, IReadOnlyList<TaskRow> tasks, bool withHeading)
    {
        Columns columns = new("id", "state", "type", "queue", "attempt", "age", "worker", "error");
        foreach (TaskRow task in tasks)
        {
            string percent = task is { State: "running", Percent: not null } ? $" {TaskView.Percent(task.Percent)}" : "";
            columns.Add(
                task.Id, States.Cell(task.State, percent), task.Type, task.Queue, task.Attempt ?? 0,
                printer.Age(task.EnqueuedAt), task.Worker ?? "", Plain.Beginning(task.Error));
        }

        columns.WriteTo(printer, withHeading);
    }
}
