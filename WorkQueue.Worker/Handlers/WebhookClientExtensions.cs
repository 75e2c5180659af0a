using System.Net;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace WorkQueue.Worker.Handlers;

internal static class WebhookClientExtensions
{
    public const string ClientName = "webhooks";

    /// <summary>Adds what <see cref="DeliverWebhookHandler"/> needs: its settings and an HTTP client that cannot be led astray.</summary>
    public static IHostApplicationBuilder AddWebhookClient(this IHostApplicationBuilder builder)
    {
        builder.Services.AddOptions<WebhookOptions>()
            .BindConfiguration(WebhookOptions.Section).ValidateDataAnnotations().ValidateOnStart();
        builder.Services.TryAddSingleton(TimeProvider.System);
        builder.Services.AddSingleton<ResolveHost>(Dns.GetHostAddressesAsync);
        builder.Services.AddSingleton<WebhookTargets>();
        builder.Services.AddHttpClient(ClientName, client => client.Timeout = Timeout.InfiniteTimeSpan)
            .ConfigurePrimaryHttpMessageHandler(services => CreateHandler(services.GetRequiredService<WebhookTargets>()))
            // The handler renews its connections itself.
            .SetHandlerLifetime(Timeout.InfiniteTimeSpan)
            // The path of a webhook is often its secret.
            .RemoveAllLoggers();
        return builder;
    }

    // No time limit of its own beyond the connection: the task's token carries the limit of its type.
    private static SocketsHttpHandler CreateHandler(WebhookTargets targets) => new()
    {
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        AutomaticDecompression = DecompressionMethods.None,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        PooledConnectionLifetime = TimeSpan.FromMinutes(2),
        MaxResponseHeadersLength = 32,
        ConnectCallback = (context, cancellationToken) => targets.ConnectAsync(context.DnsEndPoint, cancellationToken),
    };
}
