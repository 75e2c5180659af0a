namespace WorkQueue.Board.Calls;

/// <summary>Stops a program that would ask for keys and has none: nobody could ever call it.</summary>
internal sealed class KeyCheck(ApiKeys keys, EndpointDataSource endpoints, IHostEnvironment environment) : IHostedLifecycleService
{
    public Task StartedAsync(CancellationToken cancellationToken) => keys.Required && keys.Count == 0 && endpoints.Endpoints.Any(endpoint => endpoint.Metadata.GetMetadata<NeedsKey>() is not null)
        ? throw new InvalidOperationException(
            $"Environment '{environment.EnvironmentName}' needs an API key: set {ApiKeys.Section}:0 (environment variable WorkQueue__ApiKeys__0) to a secret of at least {ApiKeys.MinLength} characters, or ask for your own authorization: MapTaskApi().RequireAuthorization().")
        : Task.CompletedTask;

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
