using System.CommandLine;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq workers</c>: who runs tasks, and which.</summary>
internal static class WorkersCommand
{
    public static Command Create(Terminal terminal) =>
        new Command("workers", "Shows the workers and the tasks they run.").Runs(terminal, async (session, _, cancellationToken) =>
        {
            Page<WorkerRow> workers = await session.Api.ListWorkersAsync(cancellationToken);
            if (session.Printer.IsJson)
            {
                session.Printer.Document(workers);
            }
            else
            {
                Show(session.Printer, workers.Items);
            }

            return ExitCode.Done;
        });

    private static void Show(Printer printer, IReadOnlyList<WorkerRow> workers)
    {
        Columns columns = new("id", "host", "version", "busy", "queues", "up", "seen", "tasks");
        foreach (WorkerRow worker in workers)
        {
            IReadOnlyList<RunningTask> tasks = worker.Tasks ?? [];
            columns.Add(
                worker.Id,
                worker.Host,
                worker.Version,
                $"{tasks.Count}/{worker.Slots}",
                string.Join(", ", worker.Queues ?? []),
                printer.Age(worker.StartedAt),
                $"{printer.Age(worker.LastSeen)} ago",
                string.Join(", ", tasks.Select(task => $"{task.Id} ({task.Type}, {printer.Age(task.StartedAt)})")));
        }

        columns.WriteTo(printer);
    }
}
