using System.CommandLine;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq queues</c>: how full each queue is.</summary>
internal static class QueuesCommand
{
    public static Command Create(Terminal terminal) =>
        new Command("queues", "Shows how full each queue is.").Runs(terminal, async (session, _, cancellationToken) =>
        {
            QueueList queues = await session.Api.ListQueuesAsync(cancellationToken);
            if (session.Printer.IsJson)
            {
                session.Printer.Document(queues);
            }
            else
            {
                Show(session.Printer, queues);
            }

            return ExitCode.Done;
        });

    private static void Show(Printer printer, QueueList list)
    {
        Columns columns = new("name", "ready", "unacknowledged", "delayed", "dead", "consumers", "paused");
        foreach (QueueRow queue in list.Items)
        {
            string? paused = queue.Paused is { } isPaused ? (isPaused ? "yes" : "no") : null;
            columns.Add(queue.Name, queue.Ready, queue.Unacknowledged, queue.Delayed, queue.Dead, queue.Consumers, paused);
        }

        columns.WriteTo(printer);
        foreach (string note in list.Items.Select(queue => queue.Note).OfType<string>().Distinct())
        {
            printer.Note($"? is not known: {note}");
        }

        foreach (string warning in list.Items.SelectMany(queue => queue.Warnings ?? []).Concat(list.Warnings ?? []))
        {
            printer.Note($"warning: {warning}");
        }
    }
}
