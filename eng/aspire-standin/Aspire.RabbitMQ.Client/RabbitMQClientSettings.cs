namespace Aspire.RabbitMQ.Client;

public sealed class RabbitMQClientSettings
{
    public string? ConnectionString { get; set; }

    /// <summary>The stand-in adds no health check, whatever this says.</summary>
    public bool DisableHealthChecks { get; set; }

    public bool DisableTracing { get; set; }
}
