namespace WorkQueue.Benchmarks.Contenders;

/// <summary>pika as in the tutorials: one thread that waits for each confirm, and runs one task at a time.</summary>
internal static class PikaPeer
{
    private static readonly ScriptProgram Program = ScriptProgram.Python("pika", "pika_peer.py");

    public static Contender Enqueue(Stage stage, int callers, int bytes, TimeSpan time) => new(
        "pika, one caller", async () => [await RunAsync(stage, "publish", bytes, time.TotalSeconds)])
    {
        Against = ["raw client"],
        Missing = Program.Missing ?? (callers == 64 ? null : "measured with 64 callers of the others"),
    };

    public static Contender Consume(Stage stage, int slots, int count) => new("pika", async () => [await RunAsync(stage, "consume", 100, count)])
    {
        Against = ["raw client"],
        Missing = Program.Missing ?? (slots == 1 ? null : "one consumer a process"),
    };

    private static Task<double> RunAsync(Stage stage, string verb, int bytes, double amount) =>
        Program.RateAsync(stage.ConnectionString + "/%2F", verb, "pika", ScriptProgram.Text(bytes), ScriptProgram.Text(amount));
}
