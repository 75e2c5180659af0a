using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;

namespace WorkQueue.AppHost;

/// <summary>The workers' command on the dashboard.</summary>
internal static class WorkerCommands
{
    // How Aspire shows one that has ended since it was told to; not among its known states.
    private const string Terminated = "Terminated";

    private static readonly TimeSpan ShownLimit = TimeSpan.FromSeconds(5);

    // What one call has started is not stopped by the next one half-way.
    private static readonly SemaphoreSlim OneCall = new(1);

    /// <summary>Lets the number of slots be set; the workers restart with it.</summary>
    public static IResourceBuilder<ProjectResource> WithSlotsCommand(this IResourceBuilder<ProjectResource> worker, AppHostOptions options) =>
        worker.WithCommand(
            "set-slots", "Set slots",
            async context =>
            {
                await OneCall.WaitAsync(context.CancellationToken);
                try
                {
                    options.WorkerConcurrency = context.Arguments.GetInt32("slots");
                    return await RestartAsync(worker.Resource, options.Workers, context.Services);
                }
                finally
                {
                    OneCall.Release();
                }
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

    // Not by Aspire's restart: a replica that still shows as starting when another one begins to wait for the broker is taken for one that waits too, and is not started.
    private static async Task<ExecuteCommandResult> RestartAsync(ProjectResource worker, int replicas, IServiceProvider services)
    {
        ResourceCommandService commands = services.GetRequiredService<ResourceCommandService>();
        // Not the caller's, who may leave: whoever has been stopped is started.
        CancellationToken end = services.GetRequiredService<IHostApplicationLifetime>().ApplicationStopping;
        // Of one that never ran, or that still finishes its tasks, it says that it failed; a start replaces that one.
        await commands.ExecuteCommandAsync(worker, KnownResourceCommands.StopCommand, end);
        await ShownAsStoppedAsync(services.GetRequiredService<ResourceNotificationService>(), worker, replicas, end);
        return await commands.ExecuteCommandAsync(worker, KnownResourceCommands.StartCommand, end);
    }

    private static async Task ShownAsStoppedAsync(ResourceNotificationService notifications, ProjectResource worker, int replicas, CancellationToken cancellationToken)
    {
        HashSet<string> stopped = [];
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(ShownLimit);
        try
        {
            await foreach (ResourceEvent change in notifications.WatchAsync(limit.Token))
            {
                if (change.Resource == worker && (change.Snapshot.State?.Text == Terminated || RunConsole.HasEnded(change.Snapshot)))
                {
                    stopped.Add(change.ResourceId);
                }

                if (stopped.Count >= replicas)
                {
                    return;
                }
            }
        }
        catch (OperationCanceledException) when (!cancellationToken.IsCancellationRequested)
        {
            // The others have.
        }
    }
}
