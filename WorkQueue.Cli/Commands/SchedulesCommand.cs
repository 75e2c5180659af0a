using System.CommandLine;
using System.Text.Json;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq schedules</c>: tasks that are enqueued again and again.</summary>
internal static class SchedulesCommand
{
    public static Command Create(Terminal terminal)
    {
        Command command = new("schedules", "Tasks that are enqueued again and again: shows them, makes, changes and runs them.")
        {
            CreateSet(terminal),
            CreateRemove(terminal),
            CreateRun(terminal),
            CreateSwitch(terminal, "pause", "Has a schedule enqueue nothing until it is resumed."),
            CreateSwitch(terminal, "resume", "Has a schedule go on, from the present."),
        };
        return command.Runs(terminal, async (session, _, cancellationToken) =>
        {
            Page<ScheduleRow> schedules = await session.Api.ListSchedulesAsync(cancellationToken);
            if (session.Printer.IsJson)
            {
                session.Printer.Document(schedules);
            }
            else
            {
                Show(session.Printer, schedules.Items);
            }

            return ExitCode.Done;
        });
    }

    private static Command CreateSet(Terminal terminal)
    {
        Argument<string> name = Verb.Name("name", "The schedule.");
        Argument<string> cron = Verb.Name("cron", "When, as one word: '0 3 * * *', or with the second first.");
        Option<string> type = new("--type") { Description = "The type of its tasks.", HelpName = "type", Required = true };
        Option<string?> payload = new("--payload") { Description = "Their payload; {} without it.", HelpName = "json" };
        Option<string?> zone = Verb.Text("--zone", "The time zone, such as Europe/Berlin; UTC without it.");
        Option<string?> queue = Verb.Text("--queue", "The queue; without it the one of the type.");
        Option<string?> key = Verb.Text("--key", "What its tasks are for, in a queue with lanes.");
        Option<string?> priority = Verb.Text("--priority", "How urgent they are, in a queue with priorities: high, normal (default) or low.");
        Option<string?> missed = Verb.Text("--missed", "What was missed while no program ran: skip, one (default) or all.");
        Option<string?> overlap = Verb.Text("--overlap", "While the task before has not ended: allow (default) or skip.");
        Option<bool> disabled = new("--disabled") { Description = "It is not to run." };
        return new Command("set", "Makes a schedule, or another one of its name.") { name, cron, type, payload, zone, queue, key, priority, missed, overlap, disabled }.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            JsonElement? json = parse.GetValue(payload) is { } text ? WireJson.Parse(text, "--payload") : null;
            NewSchedule schedule = new(
                parse.GetRequiredValue(cron), parse.GetRequiredValue(type), json, parse.GetValue(zone), parse.GetValue(queue), parse.GetValue(missed), parse.GetValue(overlap),
                !parse.GetValue(disabled))
            {
                Key = parse.GetValue(key),
                Priority = parse.GetValue(priority),
            };
            return ShowOne(session, await session.Api.PutScheduleAsync(parse.GetRequiredValue(name), schedule, cancellationToken));
        });
    }

    private static Command CreateRemove(Terminal terminal)
    {
        Argument<string> name = Verb.Name("name", "The schedule.");
        return new Command("remove", "Removes a schedule; the tasks that it has enqueued stay.") { name }.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            ScheduleRemoved removed = await session.Api.RemoveScheduleAsync(parse.GetRequiredValue(name), cancellationToken);
            if (session.Printer.IsJson)
            {
                session.Printer.Document(removed);
            }
            else
            {
                session.Printer.Line($"{removed.Name} removed");
            }

            return ExitCode.Done;
        });
    }

    private static Command CreateRun(Terminal terminal)
    {
        Argument<string> name = Verb.Name("name", "The schedule.");
        return new Command("run", "Enqueues a task of a schedule now; prints its id.") { name }.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            TaskView.WriteShort(session.Printer, await session.Api.RunScheduleAsync(parse.GetRequiredValue(name), cancellationToken));
            return ExitCode.Done;
        });
    }

    private static Command CreateSwitch(Terminal terminal, string verb, string description)
    {
        Argument<string> name = Verb.Name("name", "The schedule.");
        return new Command(verb, description) { name }.Runs(terminal, async (session, parse, cancellationToken) =>
            ShowOne(session, await session.Api.SwitchScheduleAsync(parse.GetRequiredValue(name), verb, cancellationToken)));
    }

    private static int ShowOne(Session session, ScheduleRow schedule)
    {
        if (session.Printer.IsJson)
        {
            session.Printer.Document(schedule);
        }
        else
        {
            Show(session.Printer, [schedule]);
        }

        return ExitCode.Done;
    }

    private static void Show(Printer printer, IReadOnlyList<ScheduleRow> schedules)
    {
        Columns columns = new("name", "cron", "zone", "type", "next", "last", "state");
        foreach (ScheduleRow schedule in schedules)
        {
            string state = schedule.Problem is not null ? "fails" : schedule.Enabled == false ? "disabled" : schedule.Paused == true ? "paused" : "runs";
            string last = schedule.Runs is [ScheduleRunRow run, ..] ? $"{printer.Age(run.At)} ago ({run.State ?? "?"})" : "";
            columns.Add(schedule.Name, schedule.Cron, schedule.TimeZone, schedule.Type, printer.Time(schedule.Next is [DateTimeOffset next, ..] ? next : null), last, state);
        }

        columns.WriteTo(printer);
        foreach (ScheduleRow troubled in schedules.Where(schedule => schedule.Problem is not null))
        {
            printer.Note($"{troubled.Name} cannot enqueue what is due: {troubled.Problem}");
        }
    }
}
