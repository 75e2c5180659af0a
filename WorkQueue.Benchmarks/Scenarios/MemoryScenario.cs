using System.Globalization;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>What becomes of the memory of a producer and a worker in an hour of load.</summary>
internal static class MemoryScenario
{
    public const string Title = "Growth: memory of a producer and a worker under load, in an hour";

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        TimeSpan part = stage.Pick(TimeSpan.FromMinutes(10), TimeSpan.FromSeconds(2));
        int[] ends = stage.Pick<int[]>([10, 20, 30, 40, 50, 60], [2, 4]);
        SteadyLoad? load = null;
        yield return new Comparison(Title, ["run/s", "producer, MB", "worker, MB"], [.. GrowthScenario.Rows(ends, stage.Pick("minute", "second"), PartAsync)])
        {
            IsOnce = true,
            Note = string.Create(CultureInfo.InvariantCulture,
                $"{SteadyLoad.Rate} tasks a second are posted to the producer, which takes in the history of them all, and run by a worker of 4 slots; each a program of its own, with the collector for servers. ")
                + "What they hold of the machine's memory is read every second: the median since the row before.",
        };

        async Task<double[]> PartAsync(int end)
        {
            load ??= await SteadyLoad.StartAsync(stage);
            double[]? figures = null;
            try
            {
                return figures = await load.ObserveAsync(part);
            }
            finally
            {
                if (figures is null || end == ends[^1])
                {
                    await load.DisposeAsync();
                }
            }
        }
    }
}
