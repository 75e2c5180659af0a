namespace WorkQueue.Board.Calls;

/// <summary>Stops a program in which nobody could ever call the API: it asks for keys and has none, or the board is where the calls are.</summary>
internal sealed class StartCheck(ApiKeys keys, Mounts mounts, EndpointDataSource endpoints, IHostEnvironment environment) : IHostedLifecycleService
{
    private static readonly string[] Calls = ["", "/tasks", "/queues", "/batches", "/schedules", "/dead-letters", "/events", "/workers", "/stats", "/scaling"];

    public Task StartedAsync(CancellationToken cancellationToken)
    {
        // Looked at first: it has all endpoints built, which tells where they are.
        bool areKeysAsked = endpoints.Endpoints.Any(endpoint => endpoint.Metadata.GetMetadata<NeedsKey>() is not null);
        if (areKeysAsked && keys.Required && keys.Count == 0)
        {
            throw new InvalidOperationException(
                $"Environment '{environment.EnvironmentName}' needs an API key: set {ApiKeys.Section}:0 (environment variable WorkQueue__ApiKeys__0) to a secret of at least {ApiKey.MinLength} characters, or ask for your own authorization: MapTaskApi().RequireAuthorization().");
        }

        string[] taken = mounts.Api is { } api ? [.. Calls.Select(call => api.Pattern + call)] : [];
        if (mounts.Boards.FirstOrDefault(board => taken.Contains(board.Pattern, StringComparer.OrdinalIgnoreCase)) is { } wrong)
        {
            throw new InvalidOperationException($"The board is mapped at '{wrong.Pattern}/', where the API has calls of its own; map one of them elsewhere, as by MapTaskApi(\"/api\").");
        }

        return Task.CompletedTask;
    }

    public Task StartingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppingAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StoppedAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
