using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text;
using System.Text.Json;
using System.Text.Json.Serialization;
using OpenTelemetry;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Broker;

/// <summary>Asks RabbitMQ's management API for what AMQP does not tell. It may lag five seconds, and need not be there.</summary>
internal sealed class ManagementClient(HttpClient http, IConfiguration configuration, ILogger<ManagementClient> logger)
{
    private const string UrlKey = "WorkQueue:ManagementUrl";

    /// <summary>What is wrong with its address, or null: it is none, or one that can be asked.</summary>
    public string? Problem => configuration[UrlKey] is not { Length: > 0 } url || (Uri.TryCreate(url, UriKind.Absolute, out Uri? address) && address.Scheme is "http" or "https") ? null
        : $"{UrlKey} is '{url}', which is no address of http or https, such as http://localhost:15672";

    /// <summary>The queues by their names on the broker, or null where the API does not answer.</summary>
    public async Task<IReadOnlyDictionary<string, ManagedQueue>?> QueuesAsync(CancellationToken cancellationToken)
    {
        ManagedQueue[]? queues = await ReadAsync<ManagedQueue>("name,messages_unacknowledged,message_stats", cancellationToken);
        return queues?.ToDictionary(queue => queue.Name, StringComparer.Ordinal);
    }

    /// <summary>The policies that apply to each queue, or null where the API does not answer.</summary>
    public async Task<IReadOnlyList<AppliedPolicy>?> PoliciesAsync(CancellationToken cancellationToken)
    {
        PolicedQueue[]? queues = await ReadAsync<PolicedQueue>("name,policy,operator_policy,effective_policy_definition", cancellationToken);
        // Without a policy the definition may be an empty list.
        return queues?.Where(queue => queue.Definition?.ValueKind == JsonValueKind.Object).Select(
            queue => new AppliedPolicy(queue.Name, queue.Policy, queue.OperatorPolicy, queue.Definition!.Value.EnumerateObject().ToDictionary(key => key.Name, key => key.Value, StringComparer.Ordinal))).ToArray();
    }

    private async Task<T[]?> ReadAsync<T>(string columns, CancellationToken cancellationToken)
    {
        if (configuration[UrlKey] is not { Length: > 0 } url || configuration.GetConnectionString(HostingExtensions.ConnectionName) is not { Length: > 0 } broker)
        {
            return null;
        }

        // Told at the start.
        if (Problem is not null)
        {
            return null;
        }

        try
        {
            using HttpRequestMessage request = Request(new Uri(url), new Uri(broker), columns);
            using HttpResponseMessage response = await SendUntracedAsync(request, cancellationToken);
            return response.IsSuccessStatusCode
                ? await response.Content.ReadFromJsonAsync<T[]>(cancellationToken)
                : throw new HttpRequestException($"{(int)response.StatusCode}");
        }
#pragma warning disable CA1031 // Whatever is wrong with it or its settings, work goes on without it.
        catch (Exception failure) when (!cancellationToken.IsCancellationRequested)
#pragma warning restore CA1031
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
    private static HttpRequestMessage Request(Uri management, Uri broker, string columns)
    {
        string vhost = broker.AbsolutePath is "" or "/" ? "%2F" : broker.AbsolutePath[1..];
        Uri address = new(management, $"/api/queues/{vhost}?columns={columns}");
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

/// <summary>A queue and what policies do to it.</summary>
internal sealed record PolicedQueue(
    string Name,
    string? Policy,
    [property: JsonPropertyName("operator_policy")] string? OperatorPolicy,
    [property: JsonPropertyName("effective_policy_definition")] JsonElement? Definition);

/// <summary>Its rates.</summary>
internal sealed record ManagedStatistics(
    [property: JsonPropertyName("publish_details")] ManagedRate? Publish, [property: JsonPropertyName("ack_details")] ManagedRate? Ack);

/// <summary>So many a second.</summary>
internal sealed record ManagedRate(double Rate);
