using System.Globalization;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>Celery, set to what a task queue here does: confirmed publishes, acknowledgements after the task, prefetch 1 for each slot, no results.</summary>
internal static class CeleryPeer
{
    // About its best here; more, which share one interpreter lock, are slower.
    private const int Threads = 8;

    private static readonly ScriptProgram Program = ScriptProgram.Python("celery", "celery_peer.py");
    private static readonly ScriptProgram Workflows = ScriptProgram.Python("celery, redis", "celery_workflows.py");

    /// <summary>Why chains, chords and beat cannot be run here, or null.</summary>
    public static string? WorkflowsMissing(Stage stage) => Workflows.Missing ?? stage.Redis.Missing;

    public static Contender Enqueue(Stage stage, int threads, int bytes, TimeSpan time) => new(
        threads == 1 ? "Celery, one caller" : $"Celery, {threads} threads", async () => [await RunAsync(stage, "publish", threads, bytes, time.TotalSeconds)])
    {
        Missing = Program.Missing,
    };

    public static Contender Process(Stage stage, int slots, int count) => new("Celery", async () => [await RunAsync(stage, "work", slots, 100, count)])
    {
        Missing = Program.Missing,
    };

    /// <summary>Two tenants with a queue each, and the small one's wait in times that a task takes.</summary>
    public static Contender Share(Stage stage, int slots, TimeSpan time, int flood) => new(
        "Celery, a queue for each", async () => [await RunAsync(stage, "share", slots, (int)time.TotalMilliseconds, flood)])
    {
        Missing = Program.Missing,
    };

    /// <summary>Tasks a second from the first that is sent until all are done.</summary>
    /// <param name="stage">Where.</param>
    /// <param name="verb"><c>chain</c>, <c>group</c> or <c>chord</c>.</param>
    /// <param name="slots">Processes of the pool.</param>
    /// <param name="count">How many tasks.</param>
    /// <param name="length">How many of them are a chain.</param>
    public static async Task<double> WorkflowAsync(Stage stage, string verb, int slots, int count, int length = 1) =>
        (await WorkflowsAsync(stage, verb, slots, count, length)).Single();

    /// <summary>Entries of beat of every second: the share that ran of what was due in so many seconds, and the most milliseconds between two runs of an entry.</summary>
    public static Task<double[]> BeatAsync(Stage stage, int slots, int schedules, int seconds) => WorkflowsAsync(stage, "beat", slots, schedules, seconds);

    private static async Task<double[]> WorkflowsAsync(Stage stage, string verb, int slots, int count, int length)
    {
        int port = await stage.Redis.PortAsync();
        string redis = string.Create(CultureInfo.InvariantCulture, $"redis://127.0.0.1:{port}/0");
        return await Workflows.FiguresAsync([stage.ConnectionString + "//", redis, verb, .. ((int[])[slots, Threads, count, length]).Select(number => ScriptProgram.Text(number))]);
    }

    private static Task<double> RunAsync(Stage stage, string verb, int parallel, int bytes, double amount) =>
        Program.RateAsync(stage.ConnectionString + "//", verb, ScriptProgram.Text(parallel), ScriptProgram.Text(bytes), ScriptProgram.Text(amount));
}
