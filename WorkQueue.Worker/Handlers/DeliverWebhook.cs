using System.Globalization;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>The payload of a <c>deliver-webhook</c> task.</summary>
/// <param name="Url">What to call: http or https, on a host in <see cref="WebhookOptions.AllowedHosts"/>.</param>
/// <param name="Method">GET, HEAD, POST (the default), PUT, PATCH or DELETE.</param>
/// <param name="Headers">Headers to send; not those that belong to the connection.</param>
/// <param name="Body">A text, sent as <c>text/plain</c>, or any other JSON value, sent as <c>application/json</c>, unless a Content-Type header says otherwise.</param>
internal sealed record DeliverWebhook(string? Url, string? Method = null, Dictionary<string, string?>? Headers = null, JsonElement? Body = null);

/// <summary>
/// Delivers a webhook. 2xx succeeds; a redirect and any 4xx but 408 and 429 reject the task; everything else fails the attempt, and the
/// <c>Retry-After</c> of a 408, 429 or 503 says when to try again. A task may be delivered more than once: each request carries the
/// task's id as <c>Idempotency-Key</c>, unless the payload brings its own, and the receiver should act on a key only once.
/// </summary>
internal sealed class DeliverWebhookHandler(IHttpClientFactory clients, WebhookTargets targets, IOptions<WebhookOptions> options, TimeProvider clock)
    : ITaskHandler<DeliverWebhook>
{
    private const int ExcerptLength = 200;

    private readonly WebhookOptions _options = options.Value;

    public async Task<object?> HandleAsync(DeliverWebhook payload, TaskContext context)
    {
        Uri target = targets.Check(payload.Url);
        using HttpRequestMessage request = WebhookRequest.Create(target, payload, context.Id);
        using HttpClient client = clients.CreateClient(WebhookClientExtensions.ClientName);
        try
        {
            using HttpResponseMessage response = await client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, context.CancellationToken);
            (string body, bool truncated) = await ReadBodyAsync(response, context.CancellationToken);
            ThrowUnlessDelivered(response, target.IdnHost, body);
            return new DeliverWebhookResult((int)response.StatusCode, response.Content.Headers.ContentType?.ToString(), body, truncated);
        }
        catch (HttpRequestException failure) when (failure.InnerException is TaskRejectedException rejection)
        {
            // The connection was refused by our own check of the address.
            throw new TaskRejectedException(rejection.Message, failure);
        }
        catch (OperationCanceledException failure) when (!context.CancellationToken.IsCancellationRequested)
        {
            throw new HttpRequestException($"{target.IdnHost} could not be connected to in time.", failure);
        }
    }

    private async Task<(string Body, bool Truncated)> ReadBodyAsync(HttpResponseMessage response, CancellationToken cancellationToken)
    {
        // One byte more than is kept tells whether there was more.
        byte[] buffer = new byte[_options.MaxResponseBytes + 1];
        await using Stream stream = await response.Content.ReadAsStreamAsync(cancellationToken);
        int read = await stream.ReadAtLeastAsync(buffer, buffer.Length, throwOnEndOfStream: false, cancellationToken);
        int kept = Math.Min(read, _options.MaxResponseBytes);
        return (Encoding.UTF8.GetString(buffer, 0, kept), read > kept);
    }

    private void ThrowUnlessDelivered(HttpResponseMessage response, string host, string body)
    {
        int status = (int)response.StatusCode;
        string answer = string.Create(CultureInfo.InvariantCulture, $"{host} answered {status}{Excerpt(body)}");
        switch (status)
        {
            case >= 200 and < 300:
                return;
            case >= 300 and < 400:
                throw new TaskRejectedException($"{host} answered {status}, a redirect, and redirects are not followed; use the final URL.");
            case (int)HttpStatusCode.RequestTimeout or (int)HttpStatusCode.TooManyRequests or (int)HttpStatusCode.ServiceUnavailable
                when RetryAfter(response.Headers.RetryAfter) is { } delay:
                throw new TaskRetryException(answer, delay);
            case >= 400 and < 500 and not ((int)HttpStatusCode.RequestTimeout or (int)HttpStatusCode.TooManyRequests):
                throw new TaskRejectedException(answer);
            default:
                throw new HttpRequestException(answer, null, response.StatusCode);
        }
    }

    // A wait of nothing is no wish to wait: the delays of the task type apply.
    private TimeSpan? RetryAfter(RetryConditionHeaderValue? header)
    {
        TimeSpan? asked = header?.Delta ?? header?.Date - clock.GetUtcNow();
        if (asked is not { } delay || delay <= TimeSpan.Zero)
            return null;
        return delay < _options.MaxRetryAfter ? delay : _options.MaxRetryAfter;
    }

    private static string Excerpt(string body)
    {
        var line = new StringBuilder(": ");
        foreach (Rune rune in body.EnumerateRunes().Take(ExcerptLength))
            line.Append(Rune.IsControl(rune) ? " " : rune.ToString());
        return body.Length == 0 ? "" : line.ToString().TrimEnd();
    }
}

/// <summary>The result of a <c>deliver-webhook</c> task.</summary>
/// <param name="Status">The status code of the answer.</param>
/// <param name="ContentType">The type of its body, if it said.</param>
/// <param name="Body">The beginning of its body, up to <see cref="WebhookOptions.MaxResponseBytes"/>, read as UTF-8.</param>
/// <param name="Truncated">True if there was more.</param>
internal sealed record DeliverWebhookResult(int Status, string? ContentType, string Body, bool Truncated);
