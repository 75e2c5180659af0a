namespace WorkQueue.Tests.Support;

/// <summary>A test of the board in a browser, on a running system: needs a Chromium and an installed rabbitmq-server.</summary>
[AttributeUsage(AttributeTargets.Method)]
public sealed class ChromiumFactAttribute : FactAttribute
{
    private static readonly string[] Names = ["chromium", "chromium-browser", "google-chrome"];

    public ChromiumFactAttribute() => Skip = Missing;

    /// <summary>The browser's file, or null.</summary>
    internal static string? Browser { get; } = Names
        .SelectMany(name => (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Select(folder => Path.Combine(folder, name)))
        .FirstOrDefault(File.Exists);

    /// <summary>Why such tests are skipped here, or null.</summary>
    internal static string? Missing { get; } =
        AppHostFactAttribute.Missing ?? (TestEnvironment.IsCi || Browser is not null ? null : "No Chromium on the PATH.");
}
