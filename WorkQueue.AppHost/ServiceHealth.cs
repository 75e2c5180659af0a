using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace WorkQueue.AppHost;

/// <summary>The health of producer and workers with its reason, as they tell it: Aspire's check of a page knows only its status code.</summary>
internal static class ServiceHealth
{
    /// <summary>The property of the producer that names the queues that are paused.</summary>
    private const string PausedQueues = "Paused queues";

    public static IResourceBuilder<ProjectResource> WithProducerHealth(this IResourceBuilder<ProjectResource> producer, ProducerClient client) =>
        producer.WithCheck(async (services, stop) =>
        {
            JsonElement health = await client.GetAsync(producer.GetEndpoint("http"), "/health", stop);
            await TryShowPausedAsync(producer, client, services.GetRequiredService<ResourceNotificationService>(), stop);
            string[] problems = [.. health.GetProperty("checks").EnumerateObject().Where(check => check.Value.GetProperty("status").GetString() != "Healthy").Select(Describe)];
            // It does its work, but something on the broker works against it.
            bool works = health.GetProperty("status").GetString() == "Degraded";
            return problems.Length == 0 ? HealthCheckResult.Healthy() : works ? HealthCheckResult.Degraded(string.Join("; ", problems)) : HealthCheckResult.Unhealthy(string.Join("; ", problems));
        });

    public static IResourceBuilder<ProjectResource> WithWorkerHealth(this IResourceBuilder<ProjectResource> worker, int replicas, EndpointReference producer, ProducerClient client) =>
        worker.WithCheck(async (_, stop) =>
        {
            JsonElement[] workers = [.. (await client.GetAsync(producer, "/workers", stop)).GetProperty("items").EnumerateArray()];
            string[] problems =
            [
                .. workers.Length < replicas ? [$"{workers.Length} of {replicas} workers have told in the last 15 s that they live"] : Array.Empty<string>(),
                .. workers.Where(one => one.GetProperty("problem").ValueKind == JsonValueKind.String).Select(one => $"{one.GetProperty("id")}: {one.GetProperty("problem")}"),
            ];
            return problems.Length == 0 ? HealthCheckResult.Healthy() : HealthCheckResult.Unhealthy(string.Join("; ", problems));
        });

    /// <summary>Shows which queues are paused, by which the commands that pause and resume are enabled.</summary>
    public static async Task TryShowPausedAsync(IResourceBuilder<ProjectResource> producer, ProducerClient client, ResourceNotificationService notifications, CancellationToken cancellationToken)
    {
        JsonElement queues;
        try
        {
            if (!(await client.GetAsync(producer.GetEndpoint("http"), "/queues", cancellationToken)).TryGetProperty("items", out queues))
            {
                return;
            }
        }
        catch (Exception failure) when (failure is HttpRequestException or JsonException or OperationCanceledException)
        {
            return; // Shown at the next check.
        }

        string paused = string.Join(", ", queues.EnumerateArray().Where(queue => queue.GetProperty("paused").GetBoolean()).Select(queue => queue.GetProperty("name")));
        await notifications.PublishUpdateAsync(producer.Resource, state =>
            state.Properties.FirstOrDefault(property => property.Name == PausedQueues)?.Value as string == paused ? state
            : state with { Properties = [.. state.Properties.Where(property => property.Name != PausedQueues), new ResourcePropertySnapshot(PausedQueues, paused)] });
    }

    /// <summary>The queues that are paused, as last shown.</summary>
    public static string[] PausedIn(CustomResourceSnapshot state) =>
        (state.Properties.FirstOrDefault(property => property.Name == PausedQueues)?.Value as string ?? "").Split(", ", StringSplitOptions.RemoveEmptyEntries);

    private static string Describe(JsonProperty check) => $"{check.Name}: {check.Value.GetProperty("description").GetString() ?? check.Value.GetProperty("status").GetString()}";

    private static IResourceBuilder<ProjectResource> WithCheck(this IResourceBuilder<ProjectResource> resource, Func<IServiceProvider, CancellationToken, Task<HealthCheckResult>> check)
    {
        string key = $"{resource.Resource.Name}_tells";
        resource.ApplicationBuilder.Services.AddHealthChecks().Add(new HealthCheckRegistration(key, services => new Check(stop => check(services, stop)), null, null));
        return resource.WithHealthCheck(key);
    }

    private sealed class Check(Func<CancellationToken, Task<HealthCheckResult>> check) : IHealthCheck
    {
        public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
        {
            try
            {
                return await check(cancellationToken);
            }
            catch (Exception failure) when (failure is HttpRequestException or JsonException || (failure is TaskCanceledException && !cancellationToken.IsCancellationRequested))
            {
                return HealthCheckResult.Unhealthy($"The producer does not answer: {failure.Message}");
            }
        }
    }
}
