using System.CommandLine;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq batches</c>: sets of tasks which something follows when all of them have ended.</summary>
internal static class BatchesCommand
{
    private static readonly string[] MemberStates = ["pending", "succeeded", "deadLettered", "cancelled"];

    public static Command Create(Terminal terminal)
    {
        Command command = new("batches", "Sets of tasks which something follows when all have ended: shows them, makes, closes and cancels them.")
        {
            CreateList(terminal),
            CreateShow(terminal),
            CreateMembers(terminal),
            BatchSendCommand.CreateSend(terminal),
            BatchSendCommand.CreateAdd(terminal),
            CreateChange(terminal, "close", "Says that nobody but its own tasks adds to a batch any more: it ends when all of them have.", (api, id, cancellationToken) => api.CloseBatchAsync(id, cancellationToken)),
            CreateChange(terminal, "cancel", "Cancels a batch: tasks that wait never run, those that run are told to stop, nothing follows.", (api, id, cancellationToken) => api.CancelBatchAsync(id, cancellationToken)),
        };
        return command.Runs(terminal, ListAsync);
    }

    /// <summary>One batch, with all that is known of it.</summary>
    public static int ShowOne(Session session, BatchRow batch)
    {
        Printer printer = session.Printer;
        if (printer.IsJson)
        {
            printer.Document(batch);
            return ExitCode.Done;
        }

        TaskView.WriteFields(printer,
        [
            ("id", batch.Id),
            ("name", batch.Name),
            ("state", batch.State),
            ("tasks", TaskView.Number(batch.Total)),
            ("pending", TaskView.Number(batch.Pending)),
            ("succeeded", TaskView.Number(batch.Succeeded)),
            ("dead", TaskView.Number(batch.DeadLettered)),
            ("cancelled", TaskView.Number(batch.Cancelled)),
            ("opened", printer.Time(batch.OpenedAt)),
            ("closed", printer.Time(batch.ClosedAt)),
            ("all ended", printer.Time(batch.CompletedAt)),
            ("all succeeded", printer.Time(batch.SucceededAt)),
            ("was cancelled", printer.Time(batch.CancelledAt)),
            ("on complete", batch.OnComplete),
            ("on success", batch.OnSuccess),
        ]);
        Warn(printer, batch);
        return ExitCode.Done;
    }

    private static Command CreateList(Terminal terminal) => new Command("list", "Lists them, the newest first; as without a verb.").Runs(terminal, ListAsync);

    private static Command CreateShow(Terminal terminal)
    {
        Argument<string> id = Verb.Name("id", "The batch.");
        return new Command("show", "Shows one: how many of its tasks have ended, and how, and what follows them.") { id }.Runs(terminal, async (session, parse, cancellationToken) =>
            ShowOne(session, await session.Api.GetBatchAsync(parse.GetRequiredValue(id), cancellationToken)));
    }

    private static Command CreateMembers(Terminal terminal)
    {
        Argument<string> id = Verb.Name("id", "The batch.");
        Option<string> state = new("--state") { Description = "Those in this state.", HelpName = "state", DefaultValueFactory = _ => MemberStates[0] };
        state.AcceptOnlyFromAmong(MemberStates);
        return new Command("members", "Lists the tasks of a batch in a state, at most 1,000.") { id, state }.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            Page<BatchMemberRow> members = await session.Api.ListBatchMembersAsync(parse.GetRequiredValue(id), parse.GetRequiredValue(state), cancellationToken);
            if (session.Printer.IsJson)
            {
                session.Printer.Document(members);
                return ExitCode.Done;
            }

            Columns columns = new("number", "id");
            foreach (BatchMemberRow member in members.Items)
            {
                columns.Add(member.Number, member.Id);
            }

            columns.WriteTo(session.Printer);
            return ExitCode.Done;
        });
    }

    private static Command CreateChange(Terminal terminal, string verb, string description, Func<ApiClient, string, CancellationToken, Task<BatchRow>> change)
    {
        Argument<string> id = Verb.Name("id", "The batch.");
        return new Command(verb, description) { id }.Runs(terminal, async (session, parse, cancellationToken) =>
            ShowOne(session, await change(session.Api, parse.GetRequiredValue(id), cancellationToken)));
    }

    private static async Task<int> ListAsync(Session session, ParseResult parse, CancellationToken cancellationToken)
    {
        Page<BatchRow> batches = await session.Api.ListBatchesAsync(cancellationToken);
        if (session.Printer.IsJson)
        {
            session.Printer.Document(batches);
            return ExitCode.Done;
        }

        Columns columns = new("id", "name", "state", "tasks", "pending", "succeeded", "dead", "cancelled", "age");
        foreach (BatchRow batch in batches.Items)
        {
            columns.Add(batch.Id, batch.Name ?? "", batch.State, batch.Total, batch.Pending, batch.Succeeded, batch.DeadLettered, batch.Cancelled, session.Printer.Age(batch.OpenedAt));
        }

        columns.WriteTo(session.Printer);
        foreach (BatchRow batch in batches.Items)
        {
            Warn(session.Printer, batch);
        }

        return ExitCode.Done;
    }

    private static void Warn(Printer printer, BatchRow batch)
    {
        if (batch.Problem is not null)
        {
            printer.Note($"{batch.Id} does not go on: {batch.Problem}");
        }
    }
}
