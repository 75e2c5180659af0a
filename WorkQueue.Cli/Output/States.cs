using Spectre.Console;

namespace WorkQueue.Cli.Output;

/// <summary>The states of a task and their colours.</summary>
internal static class States
{
    public const string Succeeded = "succeeded";

    public static readonly string[] All = ["scheduled", "queued", "running", "retrying", Succeeded, "deadLettered", "cancelled", "unknown"];

    public static bool HasEnded(string state) => state is Succeeded or "deadLettered" or "cancelled";

    public static int ExitCodeOf(string state) => state is "deadLettered" or "cancelled" ? ExitCode.Failed : ExitCode.Done;

    public static Style StyleOf(string state) => state switch
    {
        Succeeded => new Style(Color.Green),
        "deadLettered" => new Style(Color.Red),
        "retrying" => new Style(Color.Yellow),
        "running" => new Style(Color.Aqua),
        "cancelled" => new Style(Color.Grey),
        _ => Style.Plain,
    };

    public static Text Cell(string state, string more) => new(Plain.Line(state + more), StyleOf(state));
}
