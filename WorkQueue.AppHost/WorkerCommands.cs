using System.Globalization;
using Microsoft.Extensions.DependencyInjection;

namespace WorkQueue.AppHost;

/// <summary>The workers' command on the dashboard.</summary>
internal static class WorkerCommands
{
    // One that is started says so within a second or two.
    private static readonly TimeSpan StartLimit = TimeSpan.FromSeconds(5);

    /// <summary>Lets the number of slots be set; the workers restart with it.</summary>
    public static IResourceBuilder<ProjectResource> WithSlotsCommand(this IResourceBuilder<ProjectResource> worker, AppHostOptions options) =>
        worker.WithCommand(
            "set-slots", "Set slots",
            context =>
            {
                options.WorkerConcurrency = context.Arguments.GetInt32("slots");
                return RestartAsync(worker.Resource, options.Workers, context);
            },
            new CommandOptions
            {
                Description = "Sets how many tasks each worker runs at once, and restarts all workers; what runs longer than they wait for it runs again.",
                IconName = "NumberSymbol",
                Arguments = [new InteractionInput { Name = "slots", Label = "Slots of each worker", InputType = InputType.Number, Required = true, Value = "4" }],
                ValidateArguments = context =>
                {
                    context.Check("slots", text => int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int slots) && slots is >= 1 and <= 1024, "A whole number from 1 to 1024.");
                    return Task.CompletedTask;
                },
            });

    // A replica that is restarted soon after its start may be left stopped, though its restart has succeeded: that one is started.
    private static async Task<ExecuteCommandResult> RestartAsync(ProjectResource worker, int replicas, ExecuteCommandContext context)
    {
        ResourceCommandService commands = context.Services.GetRequiredService<ResourceCommandService>();
        ExecuteCommandResult result = await commands.ExecuteCommandAsync(worker, KnownResourceCommands.RestartCommand, context.CancellationToken);
        if (result.Success)
        {
            foreach (string replica in await StoppedAsync(context.Services.GetRequiredService<ResourceNotificationService>(), worker, replicas, context.CancellationToken))
            {
                result = await commands.ExecuteCommandAsync(replica, KnownResourceCommands.StartCommand, context.CancellationToken);
                if (!result.Success)
                {
                    break;
                }
            }
        }

        return result;
    }

    // The replicas that have ended and not started again in time.
    private static async Task<string[]> StoppedAsync(ResourceNotificationService notifications, ProjectResource worker, int replicas, CancellationToken cancellationToken)
    {
        Dictionary<string, string?> states = [];
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(StartLimit);
        try
        {
            await foreach (ResourceEvent change in notifications.WatchAsync(limit.Token))
            {
                if (change.Resource == worker)
                {
                    states[change.ResourceId] = change.Snapshot.State?.Text;
                }

                if (states.Count == replicas && states.Values.All(state => state == KnownResourceStates.Running))
                {
                    break;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // In time they did not all run.
        }

        return [.. states.Where(replica => KnownResourceStates.TerminalStates.Contains(replica.Value)).Select(replica => replica.Key)];
    }
}
