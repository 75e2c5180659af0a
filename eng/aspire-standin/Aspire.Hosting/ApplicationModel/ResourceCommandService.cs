using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Aspire.Hosting.ApplicationModel;

/// <summary>Runs the commands of resources: start, stop, restart and those of WithCommand.</summary>
public sealed class ResourceCommandService(IServiceProvider services)
{
    /// <summary>Runs a command on one instance, named by its id or, when there is only one, by the resource's name.</summary>
    public async Task<ExecuteCommandResult> ExecuteCommandAsync(string resourceId, string commandName, CancellationToken cancellationToken = default)
    {
        if (services.GetRequiredService<ResourceNotificationService>().Named(resourceId) is not [var instance])
            return CommandResults.Failure($"Resource '{resourceId}' not found.");

        if (instance.Resource.Annotations.OfType<ResourceCommandAnnotation>().LastOrDefault(known => known.Name == commandName) is not { } command)
            return CommandResults.Failure($"Command '{commandName}' not available for resource '{resourceId}'.");

        ILogger logger = services.GetRequiredService<ILogger<ResourceCommandService>>();
        try
        {
            return await command.ExecuteCommand(new() { ServiceProvider = services, ResourceName = instance.ResourceId, CancellationToken = cancellationToken, Logger = logger }).ConfigureAwait(false);
        }
        catch (OperationCanceledException)
        {
            return CommandResults.Canceled();
        }
        catch (Exception failure)
        {
            // The boundary to the AppHost's own code: its failure is the command's result.
            logger.CommandFailed(failure, commandName, resourceId);
            return CommandResults.Failure(failure.Message);
        }
    }
}
