using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Runs the commands of resources: start, stop, restart and those of WithCommand.</summary>
public class ResourceCommandService
{
    private readonly ResourceNotificationService _notifications;
    private readonly IServiceProvider _services;
    private readonly ILogger<ResourceCommandService> _logger;

    internal ResourceCommandService(ResourceNotificationService notifications, IServiceProvider services, ILogger<ResourceCommandService> logger)
    {
        _notifications = notifications;
        _services = services;
        _logger = logger;
    }

    /// <summary>Runs a command on one instance, named by its id or, when there is only one, by the resource's name.</summary>
    public async Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default)
    {
        _notifications.TryGetCurrentState(resourceId, out ResourceEvent? instance);
        instance ??= _notifications.SingleByName(resourceId);
        return instance is null
            ? CommandResults.Failure($"Resource '{resourceId}' not found.")
            : await ExecuteAsync(instance, commandName, cancellationToken).ConfigureAwait(false);
    }

    /// <summary>Runs a command on every instance of the resource.</summary>
    public async Task<ExecuteCommandResult> ExecuteCommandAsync(IResource resource, string commandName, CancellationToken cancellationToken = default)
    {
        ExecuteCommandResult[] results = await Task.WhenAll(_notifications.CurrentOf(resource)
            .Select(instance => ExecuteAsync(instance, commandName, cancellationToken))).ConfigureAwait(false);
        return results switch
        {
            [] => CommandResults.Failure($"Resource '{resource.Name}' not found."),
            [var only] => only,
            _ when results.All(result => result.Success) => CommandResults.Success(),
            _ when results.All(result => result.Success || result.Canceled) => CommandResults.Canceled(),
            _ => CommandResults.Failure(string.Join(' ', results.Where(result => !result.Success).Select(result => result.Message)))
        };
    }

    private async Task<ExecuteCommandResult> ExecuteAsync(ResourceEvent instance, string commandName, CancellationToken cancellationToken)
    {
        if (instance.Resource.Annotations.OfType<ResourceCommandAnnotation>().LastOrDefault(known => known.Name == commandName) is not { } command)
            return CommandResults.Failure($"Command '{commandName}' not available for resource '{instance.ResourceId}'.");

        try
        {
            return await command.ExecuteCommand(new()
            {
                ServiceProvider = _services,
                ResourceName = instance.ResourceId,
                CancellationToken = cancellationToken,
                Logger = _logger
            }).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return CommandResults.Canceled();
        }
        catch (Exception failure)
        {
            // The boundary to the AppHost's own code: its failure is the command's result.
            _logger.CommandFailed(failure, commandName, instance.ResourceId);
            return CommandResults.Failure(failure);
        }
    }
}
