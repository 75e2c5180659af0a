using System.Globalization;
using System.Security.Cryptography;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.Supervision;

/// <summary>The Aspire dashboard in standalone mode: telemetry of the projects, without pages about resources.</summary>
internal sealed class Dashboard
{
    private const string Binary = "aspire-managed";
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(20);
    private static readonly TimeSpan StopLimit = TimeSpan.FromSeconds(2);

    private readonly string _file;
    private readonly string _url;
    private readonly bool _open;
    private readonly string _browserToken;
    private readonly string _otlpKey;
    private readonly string _apiKey;
    private readonly Queue<string> _lastLines = [];
    private ChildProcess? _process;

    private Dashboard(string file, IConfiguration configuration, Ports ports)
    {
        _file = file;
        _url = Loopback(configuration["ASPNETCORE_URLS"], ports);
        OtlpEndpoint = Loopback(configuration["ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL"], ports);
        _open = configuration.GetValue("ASPIRE_DASHBOARD_UNSECURED_ALLOW_ANONYMOUS", defaultValue: false);
        _browserToken = configuration["ASPIRE_DASHBOARD_FRONTEND_BROWSERTOKEN"] ?? configuration["AppHost:BrowserToken"] ?? NewKey();
        _otlpKey = configuration["AppHost:OtlpApiKey"] ?? NewKey();
        _apiKey = configuration["AppHost:DashboardApiKey"] ?? NewKey();
    }

    public string OtlpEndpoint { get; }

    public string? OtlpHeaders => _open ? null : $"x-otlp-api-key={_otlpKey}";

    public static Dashboard? Find(IConfiguration configuration, string appHostDirectory, Ports ports) =>
        Locate(configuration["ASPIRE_DASHBOARD_PATH"], appHostDirectory) is { } file ? new(file, configuration, ports) : null;

    public async Task StartAsync(ChildProcesses children, ILogger logger, CancellationToken stopping)
    {
        _process = await children.StartAsync(new(_file, ["dashboard"], Path.GetDirectoryName(_file)!, Settings()), KeepLine).ConfigureAwait(false);
        _ = ReportAsync(_process, logger, stopping);
    }

    public Task StopAsync(CancellationToken hurry) => _process?.StopAsync(StopLimit, hurry) ?? Task.CompletedTask;

    private Dictionary<string, string> Settings()
    {
        Dictionary<string, string> settings = LaunchPlan.Inherit(EnvironmentNames.Inherited);
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
        using HttpClient client = new() { BaseAddress = new(_url) };
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(stopping);
        limit.CancelAfter(StartLimit);
        try
        {
            while (!process.Exited.IsCompleted)
            {
                if (await AnswersAsync(client, limit.Token).ConfigureAwait(false))
                {
                    logger.DashboardReady(_open ? _url : $"{_url}/login?t={_browserToken}");
                    return;
                }

                await Task.Delay(TimeSpan.FromMilliseconds(200), TimeProvider.System, limit.Token).ConfigureAwait(false);
            }

            logger.DashboardFailed($"exited with code {await process.Exited.ConfigureAwait(false)}: {string.Join(" | ", _lastLines)}");
        }
        catch (OperationCanceledException)
        {
            if (!stopping.IsCancellationRequested)
                logger.DashboardFailed($"does not answer at {_url}");
        }
    }

    private static async Task<bool> AnswersAsync(HttpClient client, CancellationToken cancellationToken)
    {
        try
        {
            using HttpResponseMessage response = await client.GetAsync("/health", cancellationToken).ConfigureAwait(false);
            return response.IsSuccessStatusCode;
        }
        catch (HttpRequestException)
        {
            return false;
        }
    }

    private void KeepLine(string line, bool error)
    {
        lock (_lastLines)
        {
            _lastLines.Enqueue(line.Trim());
            if (_lastLines.Count > 4)
                _lastLines.Dequeue();
        }
    }

    private static string? Locate(string? configured, string appHostDirectory)
    {
        if (!string.IsNullOrEmpty(configured))
            return new[] { configured, Path.Combine(configured, Binary), Path.Combine(configured, "managed", Binary) }.FirstOrDefault(File.Exists);

        for (DirectoryInfo? folder = new(appHostDirectory); folder is not null; folder = folder.Parent)
        {
            string file = Path.Combine(folder.FullName, ".workqueue", "dashboard", "bundle", "managed", Binary);
            if (File.Exists(file))
                return file;
        }

        return null;
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
