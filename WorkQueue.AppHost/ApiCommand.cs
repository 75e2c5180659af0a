using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace WorkQueue.AppHost;

/// <summary>A command on the dashboard that is a call of the producer's API: enabled while the producer is healthy, answered with a link to the board.</summary>
internal sealed class ApiCommand : HttpCommandOptions
{
    private readonly IResourceBuilder<ProjectResource> _producer;
    private readonly ProducerClient _client;

    public ApiCommand(IResourceBuilder<ProjectResource> producer, ProducerClient client)
    {
        (_producer, _client) = (producer, client);
        Method = HttpMethod.Post;
        UpdateState = StateIn;
        PrepareRequest = PrepareAsync;
        GetCommandResult = TellAsync;
    }

    /// <summary>What is sent, from the arguments.</summary>
    public required Func<InteractionInputCollection, HttpContent?> Body { get; init; }

    /// <summary>What the answer means.</summary>
    public required Func<JsonElement, string> Message { get; init; }

    /// <summary>Where the board shows it.</summary>
    public required Func<JsonElement, string> Page { get; init; }

    /// <summary>The path, where a queue is part of it.</summary>
    public Func<InteractionInputCollection, string>? Path { get; init; }

    /// <summary>Whether it makes sense with these queues paused.</summary>
    public Func<string[], bool> MakesSense { get; init; } = _ => true;

    private ResourceCommandState StateIn(UpdateCommandStateContext context) =>
        context.ResourceSnapshot.HealthStatus is HealthStatus.Healthy or HealthStatus.Degraded && MakesSense(ServiceHealth.PausedIn(context.ResourceSnapshot)) ? ResourceCommandState.Enabled : ResourceCommandState.Disabled;

    private async Task PrepareAsync(HttpCommandRequestContext context)
    {
        context.Request.Content = Body(context.Arguments);
        context.Request.RequestUri = new Uri(context.Request.RequestUri!, Path?.Invoke(context.Arguments) ?? "");
        await _client.AuthorizeAsync(context.Request, context.CancellationToken);
    }

    private async Task<ExecuteCommandResult> TellAsync(HttpCommandResultContext context)
    {
        string body = await context.Response.Content.ReadAsStringAsync(context.CancellationToken);
        if (!context.Response.IsSuccessStatusCode)
        {
            return CommandResults.Failure($"The producer answered {(int)context.Response.StatusCode}: {body}");
        }

        if (Path is not null)
        {
            await ServiceHealth.TryShowPausedAsync(_producer, _client, context.Services.GetRequiredService<ResourceNotificationService>(), context.CancellationToken);
        }

        JsonElement answer = JsonSerializer.Deserialize<JsonElement>(body);
        string message = Message(answer);
        return CommandResults.Success(message, $"{message}\n\n[See it on the task board]({context.Endpoint.Url}{Page(answer)})", CommandResultFormat.Markdown);
    }
}
