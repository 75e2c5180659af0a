using System.CommandLine;
using System.Diagnostics;
using System.Globalization;
using WorkQueue.Benchmarks.Contenders;

namespace WorkQueue.Benchmarks.Workers;

/// <summary>
/// What this program does as the worker process of a benchmark. It tells on standard output what it has done, a line of numbers each few
/// milliseconds, and ends when its standard input does: with the program that started it, however that ends.
/// </summary>
internal static class WorkerCommand
{
    public const string Name = "worker";

    /// <summary>The payload of a task that never ends.</summary>
    public const string Endless = "endless";

    /// <summary>The first word of the line about the tasks done: their count, and when the first and the latest were.</summary>
    public const string Done = "done";

    /// <summary>The first word of the line that an endless task has begun, and when.</summary>
    public const string Begun = "begun";

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(5);

    public static Command Create()
    {
        Argument<string> subject = new("subject");
        subject.AcceptOnlyFromAmong([.. Subject.All.Select(known => known.Name)]);
        Argument<string> broker = new("broker");
        Argument<int> slots = new("slots");
        Command command = new(Name, "Runs tasks, as a process of a benchmark.") { subject, broker, slots };
        command.Hidden = true;
        command.SetAction((parsed, _) => RunAsync(
            Subject.All.First(known => known.Name == parsed.GetValue(subject)).On(new Stage(parsed.GetValue(broker)!, IsQuick: false)), parsed.GetValue(slots)));
        return command;
    }

    private static async Task<int> RunAsync(ISubject subject, int slots)
    {
        Task ended = Task.Run(Console.In.ReadToEndAsync);
        Tally tally = new(int.MaxValue);
        Task consuming = subject.ConsumeAsync(slots, tally, payload => WorkAsync(payload, ended));
        using PeriodicTimer timer = new(Interval);
        for (int told = 0; !ended.IsCompleted && !consuming.IsCompleted; await timer.WaitForNextTickAsync())
        {
            (int count, long first, long last) = tally.Now;
            if (count > told)
            {
                told = count;
                Say(Done, count, first, last);
            }
        }

        tally.End();
        await consuming;
        return 0;
    }

    // A payload is a number of milliseconds, or says otherwise what to do; what says nothing known is to do nothing.
    private static async Task WorkAsync(string payload, Task ended)
    {
        if (payload == Endless)
        {
            Say(Begun, Stopwatch.GetTimestamp());
            await ended;
        }
        else if (int.TryParse(payload, CultureInfo.InvariantCulture, out int milliseconds))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System);
        }
    }

    // One write, since tasks say things too; timestamps are of a clock that the processes of a machine share.
    private static void Say(string what, params IEnumerable<long> numbers)
    {
        Console.Out.Write(string.Create(CultureInfo.InvariantCulture, $"{what} {string.Join(' ', numbers)}\n"));
        Console.Out.Flush();
    }
}
