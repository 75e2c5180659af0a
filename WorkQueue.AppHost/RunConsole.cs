using System.Net;
using System.Net.Sockets;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace WorkQueue.AppHost;

/// <summary>What the console says: where everything is when it runs, and what ends or is refused meanwhile.</summary>
internal sealed class RunConsole(ResourceNotificationService notifications, IHostApplicationLifetime lifetime, Broker broker, AppHostOptions options, Action failed) : BackgroundService
{
    private static readonly string[] DashboardUrls = ["ASPNETCORE_URLS", "ASPIRE_DASHBOARD_OTLP_ENDPOINT_URL", "ASPIRE_RESOURCE_SERVICE_ENDPOINT_URL"];

    private static readonly TimeSpan EngineLimit = TimeSpan.FromSeconds(10);

    private readonly HashSet<(string Resource, string State)> _said = [];
    private volatile bool _brokerWasHealthy;
    private Task? _brokerStarts;
    private DateTimeOffset? _engineAwaySince;

    // With the token that opens it.
    private Uri? _dashboard;

    /// <summary>Refuses to start where another program has a port that a run needs: Aspire itself would wait for it without a word.</summary>
    /// <returns>To be held while it runs: another AppHost that starts at the same moment finds the ports still free.</returns>
    /// <exception cref="SettingException">A port is taken, or another AppHost runs.</exception>
    public static IDisposable? ClaimPorts(IDistributedApplicationBuilder builder)
    {
        if (!builder.ExecutionContext.IsRunMode || builder.Configuration.GetValue<bool>("DcpPublisher:RandomizePorts"))
        {
            return null;
        }

        IEnumerable<(int Port, string Use)> endpoints = builder.Resources
            .SelectMany(resource => resource.Annotations.OfType<EndpointAnnotation>().Where(endpoint => endpoint.Port is not null).Select(endpoint => (endpoint.Port!.Value, $"{resource.Name}'s")));
        IEnumerable<(int Port, string Use)> dashboard = DashboardUrls
            .SelectMany(key => (builder.Configuration[key] ?? "").Split(';', StringSplitOptions.RemoveEmptyEntries)).Select(url => (Uri.TryCreate(url, UriKind.Absolute, out Uri? address) ? address.Port : 0, "the dashboard's"));
        foreach ((int port, string use) in dashboard.Concat(endpoints).Where(use => use.Port > 0 && IsTaken(use.Port)))
        {
            throw new SettingException($"Port {port}, {use}, is in use: stop the program that has it; maybe this AppHost runs already.");
        }

        return LocalBroker.Hold(Path.Combine(LocalBroker.Root(builder), "apphost.lock")) ?? throw new SettingException("This AppHost runs already, and has the ports: stop it.");
    }

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Console.WriteLine($"Broker: {broker.Choice}.");
        await foreach (ResourceEvent change in notifications.WatchAsync(stoppingToken))
        {
            // A server that is installed is one of RabbitMQ, and may have much to recover.
            if (broker.Engine is not null && change.Resource.Name == Broker.Name && change.Snapshot.State?.Text == KnownResourceStates.Running)
            {
                _brokerStarts ??= StopUnlessHealthyAsync(stoppingToken);
            }

            switch (change.Resource.Name)
            {
                case "aspire-dashboard":
                    _dashboard ??= change.Snapshot.Urls.FirstOrDefault(url => url.Name is "http" or "https") is { } url ? new Uri(url.Url) : null;
                    break;
                case Broker.Name when change.Snapshot.HealthStatus == HealthStatus.Healthy:
                    (_brokerWasHealthy, _engineAwaySince) = (true, null);
                    break;
                case Broker.Name when IsRefused(change.Snapshot):
                    Stop("The broker refuses its user" + (broker.BeginAnew is { } anew
                        ? $" '{Broker.User}': its data was made with another password. Set Parameters:rabbitmq-password to that one, or begin with empty data: {anew}."
                        : $", or its password: see ConnectionStrings:{Broker.Name}."));
                    return;
                case Broker.Name when broker.Engine is { } engine && _brokerWasHealthy && await IsAwayAsync(engine):
                    Stop($"{engine.Name}, which runs the broker, does not answer any more: start it, and this again.");
                    return;
                case Broker.Name when HasEnded(change.Snapshot) && !_brokerWasHealthy:
                    TellEnd(change);
                    Stop("The broker ended before it could be used.");
                    return;
                case "producer" when change.Snapshot.HealthStatus is HealthStatus.Healthy or HealthStatus.Degraded && _said.Add(("producer", "healthy")):
                    Welcome(change.Snapshot);
                    break;
                case "producer" or "worker" or Broker.Name when HasEnded(change.Snapshot) && !lifetime.ApplicationStopping.IsCancellationRequested:
                    TellEnd(change);
                    break;
            }
        }
    }

    private static bool IsTaken(int port)
    {
        try
        {
            using TcpListener listener = new(IPAddress.Loopback, port) { ExclusiveAddressUse = true };
            listener.Start();
            return false;
        }
        catch (SocketException)
        {
            return true;
        }
    }

    private static bool IsRefused(CustomResourceSnapshot state) =>
        state.HealthReports.Any(report => report.ExceptionText?.Contains("ACCESS_REFUSED", StringComparison.Ordinal) == true);

    /// <summary>Whether a resource is in one of the known states in which it has ended.</summary>
    internal static bool HasEnded(CustomResourceSnapshot state) => state.State is { } now && KnownResourceStates.TerminalStates.Contains(now.Text);

    // A busy machine may be slow to answer once; one whose engine is gone stays so.
    private async Task<bool> IsAwayAsync(ContainerEngine engine)
    {
        if (await engine.AnswersAsync())
        {
            _engineAwaySince = null;
            return false;
        }

        _engineAwaySince ??= TimeProvider.System.GetUtcNow();
        return TimeProvider.System.GetUtcNow() - _engineAwaySince > EngineLimit;
    }

    // An image that is no RabbitMQ, say: it runs, and Aspire waits for it for ever.
    private async Task StopUnlessHealthyAsync(CancellationToken stopping)
    {
        await Task.Delay(options.BrokerStartLimit, TimeProvider.System, stopping).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        if (!_brokerWasHealthy && !lifetime.ApplicationStopping.IsCancellationRequested)
        {
            Stop($"The broker, {broker.Choice}, has run for {options.BrokerStartLimit} and let nobody log in: is it RabbitMQ? Give it more time with Broker:StartLimit, or another image with Broker:Image and Broker:Tag.");
        }
    }

    private void Stop(string why)
    {
        Console.Error.WriteLine(why);
        failed();
        lifetime.StopApplication();
    }

    private void Welcome(CustomResourceSnapshot producer)
    {
        string board = producer.Urls.FirstOrDefault(url => url.Name == "http")?.Url ?? "";
        Console.WriteLine(
            $"""

            WorkQueue runs.
              Dashboard    {_dashboard?.ToString() ?? "none"}
              Task board   {board}
              Send a task  curl -H 'Content-Type: text/plain' --data 'Hello...' {board}/tasks
              Stop it      Ctrl+C

            """);
    }

    private void TellEnd(ResourceEvent change)
    {
        string state = change.Snapshot.State!.Text;
        if (_said.Add((change.ResourceId, $"{state} {change.Snapshot.ExitCode} {change.Snapshot.StopTimeStamp}")))
        {
            string output = _dashboard is null ? "" : $" What it printed: {new Uri(_dashboard, $"/consolelogs/resource/{change.ResourceId}")}";
            Console.Error.WriteLine($"{change.ResourceId}: {state}{(change.Snapshot.ExitCode is { } code ? $" with code {code}" : "")}.{output}");
        }
    }
}
