using System.Net.Sockets;
using Aspire.RabbitMQ.Client;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace Microsoft.Extensions.Hosting;

public static class AspireRabbitMQExtensions
{
    private const string Section = "Aspire:RabbitMQ:Client";
    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);

    /// <summary>Registers <see cref="IConnectionFactory"/> and, opened when first asked for, <see cref="IConnection"/>.</summary>
    public static void AddRabbitMQClient(this IHostApplicationBuilder builder, string connectionName, Action<RabbitMQClientSettings>? configureSettings = null, Action<ConnectionFactory>? configureConnectionFactory = null)
    {
        RabbitMQClientSettings settings = new();
        IConfigurationSection[] sections = [builder.Configuration.GetSection(Section), builder.Configuration.GetSection($"{Section}:{connectionName}")];
        foreach (IConfigurationSection section in sections)
            section.Bind(settings);

        settings.ConnectionString = builder.Configuration.GetConnectionString(connectionName) ?? settings.ConnectionString;
        configureSettings?.Invoke(settings);

        builder.Services.AddSingleton<IConnectionFactory>(_ =>
        {
            ConnectionFactory factory = new();
            foreach (IConfigurationSection section in sections)
                section.GetSection("ConnectionFactory").Bind(factory);

            if (!string.IsNullOrEmpty(settings.ConnectionString))
                factory.Uri = new(settings.ConnectionString);

            configureConnectionFactory?.Invoke(factory);
            return factory;
        });
        builder.Services.AddSingleton<IConnection>(services => ConnectAsync(services.GetRequiredService<IConnectionFactory>(), settings.MaxConnectRetryCount).GetAwaiter().GetResult());
        if (!settings.DisableTracing)
            builder.Services.AddOpenTelemetry().WithTracing(tracing => tracing.AddSource("Aspire.RabbitMQ.Client", "RabbitMQ.Client.*"));

        if (!settings.DisableHealthChecks)
            builder.Services.AddHealthChecks().Add(new("RabbitMQ.Client", services => new ConnectionHealthCheck(services), failureStatus: null, tags: null));
    }

    private static async Task<IConnection> ConnectAsync(IConnectionFactory factory, int retries)
    {
        for (int attempt = 0; ; attempt++)
        {
            try
            {
                return await factory.CreateConnectionAsync().ConfigureAwait(false);
            }
            catch (Exception failure) when (attempt < retries && failure is SocketException or BrokerUnreachableException)
            {
                await Task.Delay(FirstRetry * (1 << attempt), TimeProvider.System).ConfigureAwait(false);
            }
        }
    }

    private sealed class ConnectionHealthCheck(IServiceProvider services) : IHealthCheck
    {
        public Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                return Task.FromResult(services.GetRequiredService<IConnection>().IsOpen ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy("The connection is closed."));
            }
            catch (Exception failure) when (failure is SocketException or BrokerUnreachableException)
            {
                return Task.FromResult(HealthCheckResult.Unhealthy("The broker does not answer.", failure));
            }
        }
    }
}
