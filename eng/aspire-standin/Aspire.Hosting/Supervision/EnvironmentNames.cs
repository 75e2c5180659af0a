namespace Aspire.Hosting.Supervision;

internal static class EnvironmentNames
{
    /// <summary>Set in every child process to a value unique to this run, so that stragglers can be found and ended.</summary>
    public const string Run = "WORKQUEUE_STANDIN_RUN";

    // What steers the AppHost itself, and would steer its children wrongly.
    private static readonly string[] AppHostOnly =
    [
        "ASPNETCORE_ENVIRONMENT", "DOTNET_ENVIRONMENT", "DOTNET_LAUNCH_PROFILE", "URLS", "HTTP_PORTS", "HTTPS_PORTS",
        "ASPNETCORE_URLS", "ASPNETCORE_HTTP_PORTS", "ASPNETCORE_HTTPS_PORTS", "ASPNETCORE_PREVENTHOSTINGSTARTUP", "ASPNETCORE_HOSTINGSTARTUPASSEMBLIES"
    ];

    public static bool Inherited(string name) =>
        !AppHostOnly.Contains(name, StringComparer.OrdinalIgnoreCase)
        && !name.StartsWith("ASPIRE_", StringComparison.OrdinalIgnoreCase)
        && !name.StartsWith("OTEL_", StringComparison.OrdinalIgnoreCase);

    public static string Encode(string name) =>
        string.Concat(name.Select(c => char.IsAsciiLetterOrDigit(c) ? char.ToUpperInvariant(c) : '_'));
}
