namespace WorkQueue.Benchmarks.Contenders;

/// <summary>Celery, set to what a task queue here does: confirmed publishes, acknowledgements after the task, prefetch 1 for each slot, no results.</summary>
internal static class CeleryPeer
{
    private static readonly PythonProgram Program = new("celery", "celery_peer.py");

    public static Contender Enqueue(Stage stage, int threads, int bytes, TimeSpan time) => new(
        threads == 1 ? "Celery, one caller" : $"Celery, {threads} threads", async () => [await RunAsync(stage, "publish", threads, bytes, time.TotalSeconds)])
    {
        Missing = Program.Missing,
    };

    public static Contender Process(Stage stage, int slots, int count) => new("Celery", async () => [await RunAsync(stage, "work", slots, 100, count)])
    {
        Missing = Program.Missing,
    };

    private static Task<double> RunAsync(Stage stage, string verb, int parallel, int bytes, double amount) =>
        Program.RateAsync(stage.ConnectionString + "//", verb, PythonProgram.Text(parallel), PythonProgram.Text(bytes), PythonProgram.Text(amount));
}
