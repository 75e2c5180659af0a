using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using OpenTelemetry;
using WorkQueue.Messaging;

namespace WorkQueue.Producer;

/// <summary>Asks RabbitMQ's management API for what AMQP does not tell. It may lag five seconds, and need not be there.</summary>
internal sealed class ManagementClient(HttpClient http, IConfiguration configuration, ILogger<ManagementClient> logger)
{
    private const string UrlKey = "WorkQueue:ManagementUrl";

    /// <summary>The queues by their names on the broker, or null where the API does not answer.</summary>
    public async Task<IReadOnlyDictionary<string, ManagedQueue>?> QueuesAsync(CancellationToken cancellationToken)
    {
        if (configuration[UrlKey] is not { Length: > 0 } url || configuration.GetConnectionString(HostingExtensions.ConnectionName) is not { Length: > 0 } broker)
        {
            return null;
        }

        try
        {
            using HttpRequestMessage request = Request(new Uri(url), new Uri(broker));
            using HttpResponseMessage response = await SendUntracedAsync(request, cancellationToken);
            ManagedQueue[]? queues = response.IsSuccessStatusCode
                ? await response.Content.ReadFromJsonAsync<ManagedQueue[]>(cancellationToken)
                : throw new HttpRequestException($"{(int)response.StatusCode}");
            return queues?.ToDictionary(queue => queue.Name, StringComparer.Ordinal);
        }
        catch (Exception failure) when (failure is HttpRequestException or JsonException or UriFormatException || (failure is TaskCanceledException && !cancellationToken.IsCancellationRequested))
        {
            logger.NoManagement(url, failure.Message);
            return null;
        }
    }

    // Asked every few seconds, these calls would bury the traces of the tasks.
    private async Task<HttpResponseMessage> SendUntracedAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        using IDisposable untraced = SuppressInstrumentationScope.Begin();
        return await http.SendAsync(request, cancellationToken);
    }

    // The user of the broker's connection string is the one of its management API.
    private static HttpRequestMessage Request(Uri management, Uri broker)
    {
        string vhost = broker.AbsolutePath is "" or "/" ? "%2F" : broker.AbsolutePath[1..];
        Uri address = new(management, $"/api/queues/{vhost}?columns=name,messages_unacknowledged,message_stats");
        HttpRequestMessage request = new(HttpMethod.Get, address);
        string user = broker.UserInfo.Length > 0 ? Uri.UnescapeDataString(broker.UserInfo) : "guest:guest";
        request.Headers.Authorization = new AuthenticationHeaderValue("Basic", Convert.ToBase64String(Encoding.UTF8.GetBytes(user)));
        return request;
    }
}

/// <summary>A queue as the management API describes it.</summary>
internal sealed record ManagedQueue(
    string Name,
    [property: JsonPropertyName("messages_unacknowledged")] long? Unacknowledged,
    [property: JsonPropertyName("message_stats")] ManagedStatistics? Statistics);

/// <summary>Its rates.</summary>
internal sealed record ManagedStatistics(
    [property: JsonPropertyName("publish_details")] ManagedRate? Publish, [property: JsonPropertyName("ack_details")] ManagedRate? Ack);

/// <summary>So many a second.</summary>
internal sealed record ManagedRate(double Rate);
