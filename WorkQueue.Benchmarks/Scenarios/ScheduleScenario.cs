using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>Whether what is due every second runs every second.</summary>
internal static class ScheduleScenario
{
    private const int Slots = 4;

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        int schedules = stage.Pick(20, 10);
        int seconds = stage.Pick(3, 2);
        HangfirePeer hangfire = new(stage);
        yield return new Comparison(
            string.Create(CultureInfo.InvariantCulture, $"{schedules} schedules of every second, {Slots} slots"), ["run, of what was due", "longest ms between two runs of one"],
        [
            new("ours", () => new OurWorkflows(stage, HistoryMode.All).SchedulesAsync(Slots, schedules, seconds)),
            new("Hangfire, recurring jobs", () => hangfire.RecurAsync(Slots, schedules, seconds)) { Against = ["ours"], Missing = hangfire.Missing },
            new("Celery, beat", () => CeleryPeer.BeatAsync(stage, Slots, schedules, seconds)) { Against = ["ours"], Missing = CeleryPeer.WorkflowsMissing(stage) },
        ])
        {
            Note = string.Create(
                CultureInfo.InvariantCulture,
                $"Over {seconds} s, from half a second after each has run once. Ours: an occurrence has one id, and none is missed when the program that leads dies. Hangfire on PostgreSQL, polling every second (15 s is its default): jobs whose ")
                + "schedulers are late are enqueued once. Celery: intervals of a second, since its crontab has minutes; one beat process, and another one would send all of it twice.",
        };
    }
}
