using System.CommandLine;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq limits</c>: how much of each limit is taken, and what waits for it.</summary>
internal static class LimitsCommand
{
    public static Command Create(Terminal terminal) =>
        new Command("limits", "Shows the limits and rates of queues, lanes and types: how much of each is taken, and what waits.").Runs(terminal, async (session, _, cancellationToken) =>
        {
            QueueList queues = await session.Api.ListQueuesAsync(cancellationToken);
            LimitRow[] limits = [.. queues.Items.SelectMany(Of)];
            if (session.Printer.IsJson)
            {
                session.Printer.Document(new Page<LimitRow>(limits, null));
                return ExitCode.Done;
            }

            Columns columns = new("queue", "lane", "limit", "taken", "waiting", "for");
            foreach (LimitRow limit in limits)
            {
                columns.Add(limit.Queue, limit.Lane, limit.Rate ?? $"{limit.MaxRunning} at once", limit.Permits, limit.Ready, limit.OldestWaiting);
            }

            columns.WriteTo(session.Printer);
            return ExitCode.Done;
        });

    // How long the tasks of a lane have waited nobody knows: the history has them by their queue.
    private static IEnumerable<LimitRow> Of(QueueRow queue) =>
    [
        .. queue.MaxRunning is { } most ? [new LimitRow(queue.Name, "all", most, null, queue.Permits, queue.Ready, queue.OldestWaiting?.ToString("c"))] : (LimitRow[])[],
        .. queue.Rate is { } rate ? [new LimitRow(queue.Name, "all", null, rate, null, queue.Ready, queue.OldestWaiting?.ToString("c"))] : (LimitRow[])[],
        .. (queue.Lanes ?? []).SelectMany(lane => Of(queue.Name, lane.Name is { Length: > 0 } name ? name : "first", lane)),
    ];

    private static IEnumerable<LimitRow> Of(string queue, string name, LaneRow lane) =>
    [
        .. lane.MaxRunning is { } most ? [new LimitRow(queue, name, most, null, lane.Permits, lane.Ready, null)] : (LimitRow[])[],
        .. lane.Rate is { } rate ? [new LimitRow(queue, name, null, rate, null, lane.Ready, null)] : (LimitRow[])[],
    ];
}
