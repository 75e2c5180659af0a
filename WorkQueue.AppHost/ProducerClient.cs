using System.Diagnostics;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace WorkQueue.AppHost;

/// <summary>Calls the producer's HTTP API, which is the one way in.</summary>
internal sealed class ProducerClient(IConfiguration configuration, ParameterResource apiKey)
{
    private static readonly HttpClient Http = new() { Timeout = TimeSpan.FromSeconds(10) };

    /// <summary>Gets JSON, also that of an error's body.</summary>
    public async Task<JsonElement> GetAsync(EndpointReference producer, string path, CancellationToken cancellationToken)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, new Uri(new Uri(producer.Url), path));
        // Asked every few seconds: the flags of this trace say that it is not to be recorded.
        request.Headers.Add("traceparent", $"00-{ActivityTraceId.CreateRandom()}-{ActivitySpanId.CreateRandom()}-00");
        await AuthorizeAsync(request, cancellationToken);
        using HttpResponseMessage answer = await Http.SendAsync(request, cancellationToken);
        return await answer.Content.ReadFromJsonAsync<JsonElement>(cancellationToken);
    }

    /// <summary>Adds the key that is needed outside Development.</summary>
    public async Task AuthorizeAsync(HttpRequestMessage request, CancellationToken cancellationToken) =>
        request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", await ServiceSettings.KeyAsync(configuration, apiKey, cancellationToken));
}
