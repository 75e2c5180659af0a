using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Supervision;

/// <summary>The Aspire dashboard in standalone mode: telemetry of the projects, without pages about resources.</summary>
internal sealed class Dashboard(string file, IConfiguration configuration, Ports ports)
{
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan RetryDelay = TimeSpan.FromMilliseconds(200);

    private readonly string _url = Loopback(configuration["ASPNETCORE_URLS"], ports);
    private readonly bool _open = configuration.GetValue("ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS", defaultValue: false);
    private readonly string _browserToken = configuration["ASPIRE_DASHBOARD_FRONTEND_BROWSERTOKEN"] ?? configuration["AppHost:BrowserToken"] ?? NewKey();
    private readonly string _otlpKey = configuration["AppHost:OtlpApiKey"] ?? NewKey();
    private readonly string _apiKey = configuration["AppHost:DashboardApiKey"] ?? NewKey();
    private ChildProcess? _process;
    private string _lastLine = "";

    public string OtlpEndpoint { get; } = Loopback(configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"], ports);
    public string? OtlpHeaders => _open ? null : $"x-otlp-api-key={_otlpKey}";

    /// <summary>Null when it is not installed: neither at ASPIRE_DASHBOARD_PATH nor in the .workqueue folder of the AppHost or above.</summary>
    public static string? Find(IConfiguration configuration, string appHostDirectory)
    {
        string? file = configuration["ASPIRE_DASHBOARD_PATH"];
        for (DirectoryInfo? folder = new(appHostDirectory); string.IsNullOrEmpty(file) && folder is not null; folder = folder.Parent)
        {
            string installed = Path.Combine(folder.FullName, ".workqueue", "dashboard", "bundle", "managed", "aspire-managed");
            file = File.Exists(installed) ? installed : null;
        }

        return File.Exists(file) ? file : null;
    }

    public async Task StartAsync(ChildProcesses children, ILogger logger, CancellationToken stopping)
    {
        _process = await children.StartAsync(new(file, ["dashboard"], Path.GetDirectoryName(file)!, Settings()), (line, _) => _lastLine = line.Trim()).ConfigureAwait(false);
        _ = ReportAsync(_process, logger, stopping);
    }

    public Task StopAsync(CancellationToken hurry) => _process?.StopAsync(StopLimit, hurry) ?? Task.CompletedTask;

    private Dictionary<string, string> Settings()
    {
        Dictionary<string, string> settings = LaunchPlan.InheritedEnvironment();
        settings["ASPNETCORE_URLS"] = _url;
        settings["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"] = OtlpEndpoint;
        if (_open)
            settings["ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS"] = "true";

        settings["DASHBOARD__FRONTEND__AUTHMODE"] = _open ? "Unsecured" : "BrowserToken";
        settings["DASHBOARD__FRONTEND__BROWSERTOKEN"] = _browserToken;
        settings["DASHBOARD__OTLP__AUTHMODE"] = _open ? "Unsecured" : "ApiKey";
        settings["DASHBOARD__OTLP__PRIMARYAPIKEY"] = _otlpKey;
        settings["DASHBOARD__API__AUTHMODE"] = _open ? "Unsecured" : "ApiKey";
        settings["DASHBOARD__API__PRIMARYAPIKEY"] = _apiKey;
        return settings;
    }

    private async Task ReportAsync(ChildProcess process, ILogger logger, CancellationToken stopping)
    {
        using HttpClient client = new();
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(StartLimit);
        while (!process.Exited.IsCompleted)
        {
            try
            {
                using HttpResponseMessage response = await client.GetAsync(new Uri($"{_url}/health"), limit.Token).ConfigureAwait(false);
                logger.DashboardReady(_open ? _url : $"{_url}/login?t={_browserToken}");
                return;
            }
            catch (HttpRequestException)
            {
                await Task.WhenAny(process.Exited, Task.Delay(RetryDelay, TimeProvider.System, CancellationToken.None)).ConfigureAwait(false);
            }
            catch (OperationCanceledException)
            {
                if (!stopping.IsCancellationRequested)
                    logger.DashboardFailed($"does not answer at {_url}");

                return;
            }
        }

        if (!stopping.IsCancellationRequested)
            logger.DashboardFailed($"exited with code {await process.Exited.ConfigureAwait(false)}: {_lastLine}");
    }

    /// <summary>The first plain http address that is asked for, moved to loopback; https would need a developer certificate.</summary>
    private static string Loopback(string? urls, Ports ports)
    {
        Uri? wanted = (urls ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries)
            .Select(url => Uri.TryCreate(url, UriKind.Absolute, out Uri? uri) ? uri : null)
            .FirstOrDefault(uri => uri?.Scheme == Uri.UriSchemeHttp && uri.Port != 0);
        string host = wanted is { IsLoopback: true } ? wanted.Host : "localhost";
        return string.Create(CultureInfo.InvariantCulture, $"http://{host}:{wanted?.Port ?? ports.Next()}");
    }

    private static string NewKey() => RandomNumberGenerator.GetHexString(32, lowercase: true);
}
