using System.Globalization;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>What a member of a batch costs beside a task of its own.</summary>
internal static class BatchScenario
{
    private const int Slots = 4;

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        int count = stage.Pick(2_000, 400), forCelery = stage.Pick(400, 80);
        yield return new Comparison(string.Create(CultureInfo.InvariantCulture, $"Batches: enqueue and run {count:N0} tasks and what follows them, {Slots} slots"), ["tasks/s"],
        [
            .. Ours("ours, History=off", HistoryMode.Off),
            .. Ours("ours, History=all", HistoryMode.All),
            Celery("Celery, a group, no results", "group"),
            Celery("Celery, a chord", "chord") with { Against = ["Celery, a group, no results"] },
            new("Hangfire", () => Task.FromResult<double[]>([])) { Missing = "batches are of its paid edition" },
        ])
        {
            Note = "From the first enqueue until the last is done. Ours: confirmed; the end of a member too, before its acknowledgement, and whoever leads has the set of them on the broker. Celery: "
                + $"{forCelery} tasks, confirm_publish and acks_late, classic queues; a chord counts in Redis, here in its memory alone.",
        };

        IEnumerable<Contender> Ours(string name, HistoryMode history)
        {
            OurWorkflows ours = new(stage, history);
            string alone = $"{name}, EnqueueManyAsync";
            yield return new(alone, async () => [await ours.ManyAsync(Slots, count)]);
            yield return new($"{name}, a batch", async () => [await ours.BatchAsync(Slots, count)]) { Against = [alone] };
        }

        Contender Celery(string name, string verb) => new(name, async () => [await CeleryPeer.WorkflowAsync(stage, verb, Slots, forCelery)]) { Missing = CeleryPeer.WorkflowsMissing(stage) };
    }
}
