using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging;
using WorkQueue.Worker.Handlers;
using static WorkQueue.Tests.Unit.Handlers.HandlerTesting;

namespace WorkQueue.Tests.Unit.Handlers;

public sealed class DeliverWebhookTests : IAsyncLifetime
{
    private static readonly DateTimeOffset Now = new(2026, 5, 4, 12, 0, 0, TimeSpan.Zero);

    private readonly List<Received> _received = [];
    private RequestDelegate _answer = _ => Task.CompletedTask;
    private WebApplication _server = null!;
    private string _url = "";

    public async Task InitializeAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.WebHost.UseKestrelCore().UseUrls("http://127.0.0.1:0");
        _server = builder.Build();
        _server.Run(async context =>
        {
            using var reader = new StreamReader(context.Request.Body, Encoding.UTF8);
            string body = await reader.ReadToEndAsync();
            var headers = context.Request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString(), StringComparer.OrdinalIgnoreCase);
            _received.Add(new(context.Request.Method, context.Request.Path, headers, body));
            await _answer(context);
        });
        await _server.StartAsync();
        _url = _server.Urls.Single() + "/hook";
    }

    public async Task DisposeAsync() => await _server.DisposeAsync();

    [Fact]
    public async Task A_json_body_is_posted_with_the_task_id_as_idempotency_key()
    {
        _answer = context =>
        {
            context.Response.StatusCode = 201;
            return context.Response.WriteAsJsonAsync(new { ok = true });
        };
        object? result = await DeliverAsync(new(_url, Body: Json("""{"event":"paid","id":7}""")));

        Received request = Assert.Single(_received);
        Assert.Equal(("POST", "/hook", """{"event":"paid","id":7}""", "application/json"), (request.Method, request.Path, request.Body, request.Headers["Content-Type"]));
        Assert.Equal(Context().Id, request.Headers["Idempotency-Key"]);
        Assert.Equal(new DeliverWebhookResult(201, "application/json; charset=utf-8", """{"ok":true}""", false), result);
    }

    [Fact]
    public async Task A_text_body_is_sent_as_it_is_and_headers_of_the_task_take_the_place_of_ours()
    {
        await DeliverAsync(new(_url, "put", new()
        {
            ["Content-Type"] = "application/xml",
            ["idempotency-key"] = "mine",
            ["Authorization"] = "Bearer x",
            ["User-Agent"] = "shop/1.0",
        }, Json("\"<a>ü</a>\"")));

        Received request = Assert.Single(_received);
        Assert.Equal(("PUT", "<a>ü</a>", "application/xml"), (request.Method, request.Body, request.Headers["Content-Type"]));
        Assert.Equal(("mine", "Bearer x", "shop/1.0"), (request.Headers["Idempotency-Key"], request.Headers["Authorization"], request.Headers["User-Agent"]));
    }

    [Fact]
    public async Task The_trace_goes_on_at_the_receiver()
    {
        using Activity activity = new Activity("process").Start();
        await DeliverAsync(new(_url));
        Assert.Contains(activity.TraceId.ToHexString(), Assert.Single(_received).Headers["traceparent"], StringComparison.Ordinal);
    }

    [Fact]
    public void A_payload_is_read_from_json()
    {
        DeliverWebhook payload = JsonSerializer.Deserialize<DeliverWebhook>(
            """{"url":"https://a.example","headers":{"X-A":"1"},"body":{"n":1}}""", JsonSerializerOptions.Web)!;
        Assert.Equal(("https://a.example", null, "1", """{"n":1}"""), (payload.Url, payload.Method, payload.Headers!["X-A"], payload.Body!.Value.GetRawText()));
        Assert.Null(JsonSerializer.Deserialize<DeliverWebhook>("""{"url":"x","body":null}""", JsonSerializerOptions.Web)!.Body);
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    [InlineData("post")]
    [InlineData("Delete")]
    [InlineData("PATCH")]
    public async Task A_request_without_a_body_needs_none(string method)
    {
        await DeliverAsync(new(_url, method));
        Assert.Equal((method.ToUpperInvariant(), ""), (Assert.Single(_received).Method, _received[0].Body));
    }

    [Theory]
    [InlineData("GET")]
    [InlineData("HEAD")]
    public async Task A_body_where_none_belongs_is_rejected(string method) =>
        await RejectedBeforeSendingAsync(new(_url, method, Body: Json("1")));

    [Theory]
    [InlineData("TRACE")]
    [InlineData("CONNECT")]
    [InlineData("")]
    [InlineData("GET / HTTP/1.1\r\nX: y")]
    public async Task Another_method_is_rejected(string method) => await RejectedBeforeSendingAsync(new(_url, method));

    [Theory]
    [InlineData("Host", "evil")]
    [InlineData("host", "evil")]
    [InlineData("Content-Length", "1")]
    [InlineData("Transfer-Encoding", "chunked")]
    [InlineData("Connection", "keep-alive")]
    [InlineData("Keep-Alive", "1")]
    [InlineData("TE", "trailers")]
    [InlineData("Trailer", "X")]
    [InlineData("Upgrade", "websocket")]
    [InlineData("Expect", "100-continue")]
    [InlineData("Proxy-Authorization", "Basic x")]
    [InlineData("X-A", "b\r\nX-Injected: c")]
    [InlineData("X-A", "b\nX-Injected: c")]
    [InlineData("X-A", "b\0")]
    [InlineData("X-A", "ü")]
    [InlineData("X-A", null)]
    [InlineData("X-A\r\nX-Injected", "c")]
    [InlineData("X-A:", "c")]
    [InlineData("X A", "c")]
    [InlineData("Host ", "c")]
    [InlineData("", "c")]
    public async Task A_header_that_could_change_the_message_is_rejected(string name, string? value) =>
        await RejectedBeforeSendingAsync(new(_url, Headers: new() { [name] = value }));

    [Fact]
    public async Task A_header_given_twice_is_rejected() =>
        await RejectedBeforeSendingAsync(new(_url, Headers: new() { ["X-A"] = "1", ["x-a"] = "2" }));

    [Fact]
    public async Task A_header_about_the_body_without_a_body_is_rejected() =>
        await RejectedBeforeSendingAsync(new(_url, "GET", new() { ["Content-Type"] = "text/plain" }));

    [Theory]
    [InlineData(400)]
    [InlineData(401)]
    [InlineData(404)]
    [InlineData(410)]
    [InlineData(422)]
    public async Task Another_4xx_rejects_the_task_and_quotes_the_answer(int status)
    {
        _answer = context =>
        {
            context.Response.StatusCode = status;
            return context.Response.WriteAsync("no such\r\nhook");
        };
        TaskRejectedException rejection = await Assert.ThrowsAsync<TaskRejectedException>(() => DeliverAsync(new(_url)));
        Assert.Equal($"127.0.0.1 answered {status}: no such  hook", rejection.Message);
    }

    [Theory]
    [InlineData(301)]
    [InlineData(302)]
    [InlineData(307)]
    [InlineData(308)]
    public async Task A_redirect_is_not_followed_and_rejects_the_task(int status)
    {
        _answer = context =>
        {
            context.Response.StatusCode = status;
            context.Response.Headers.Location = "/elsewhere";
            return Task.CompletedTask;
        };
        TaskRejectedException rejection = await Assert.ThrowsAsync<TaskRejectedException>(() => DeliverAsync(new(_url)));
        Assert.Contains("redirect", rejection.Message, StringComparison.Ordinal);
        Assert.Equal("/hook", Assert.Single(_received).Path);
    }

    [Theory]
    [InlineData(408)]
    [InlineData(429)]
    [InlineData(500)]
    [InlineData(502)]
    [InlineData(503)]
    [InlineData(504)]
    public async Task A_passing_trouble_fails_the_attempt(int status)
    {
        _answer = Answer(status);
        HttpRequestException failure = await Assert.ThrowsAsync<HttpRequestException>(() => DeliverAsync(new(_url)));
        Assert.Equal((HttpStatusCode)status, failure.StatusCode);
    }

    [Theory]
    [InlineData(429, "120", 120)]
    [InlineData(408, "5", 5)]
    [InlineData(503, "Mon, 04 May 2026 12:01:30 GMT", 90)]
    [InlineData(503, "86400", 3600)]
    [InlineData(503, "Tue, 05 May 2026 12:00:00 GMT", 3600)]
    public async Task Retry_after_in_seconds_or_as_a_date_is_obeyed_up_to_the_limit(int status, string header, int seconds)
    {
        _answer = Answer(status, header);
        TaskRetryException retry = await Assert.ThrowsAsync<TaskRetryException>(() => DeliverAsync(new(_url)));
        Assert.Equal(TimeSpan.FromSeconds(seconds), retry.Delay);
    }

    [Theory]
    [InlineData(429, "0")]
    [InlineData(429, "-5")]
    [InlineData(429, "soon")]
    [InlineData(429, "99999999999999999999")]
    [InlineData(503, "Mon, 04 May 2026 11:00:00 GMT")]
    [InlineData(500, "120")]
    public async Task A_retry_after_that_asks_for_nothing_or_is_out_of_place_leaves_the_usual_delays(int status, string header)
    {
        _answer = Answer(status, header);
        await Assert.ThrowsAsync<HttpRequestException>(() => DeliverAsync(new(_url)));
    }

    [Fact]
    public async Task No_more_of_an_answer_is_read_than_the_limit()
    {
        var aborted = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        _answer = async context =>
        {
            byte[] chunk = new byte[8192];
            Array.Fill(chunk, (byte)'x');
            context.RequestAborted.Register(() => aborted.TrySetResult());
            while (!context.RequestAborted.IsCancellationRequested)
                await context.Response.Body.WriteAsync(chunk);
        };
        var result = Assert.IsType<DeliverWebhookResult>(await DeliverAsync(new(_url), ("WorkQueue:Webhooks:MaxResponseBytes", "100")));
        Assert.Equal((new string('x', 100), true), (result.Body, result.Truncated));
        await aborted.Task.WaitAsync(TimeSpan.FromSeconds(10));
    }

    [Fact]
    public async Task The_token_ends_a_call_that_is_not_answered()
    {
        using var stop = new CancellationTokenSource();
        _answer = async context =>
        {
            await stop.CancelAsync();
            await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        };
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => DeliverAsync(new(_url), cancellationToken: stop.Token));
    }

    [Fact]
    public async Task A_host_nobody_answers_on_fails_the_attempt()
    {
        await _server.StopAsync();
        await Assert.ThrowsAsync<HttpRequestException>(() => DeliverAsync(new(_url)));
    }

    [Fact]
    public async Task A_name_that_turns_out_private_when_connecting_rejects_the_task_and_nothing_is_sent()
    {
        string url = _url.Replace("127.0.0.1", "hooks.example.com", StringComparison.Ordinal);
        TaskRejectedException rejection = await Assert.ThrowsAsync<TaskRejectedException>(
            () => DeliverAsync(new(url), ("WorkQueue:Webhooks:AllowedHosts:0", "hooks.example.com")));
        Assert.Contains("does not resolve to a public address", rejection.Message, StringComparison.Ordinal);
        Assert.Empty(_received);
    }

    [Fact]
    public async Task An_address_on_the_list_may_be_called_outside_development()
    {
        await DeliverAsync(new(_url), ("WorkQueue:Webhooks:AllowedHosts:0", "127.0.0.1"), "Production");
        Assert.Single(_received);
    }

    [Theory]
    [InlineData("WorkQueue:Webhooks:AllowedHosts:0", "https://a.example")]
    [InlineData("WorkQueue:Webhooks:MaxRetryAfter", "00:00:00")]
    [InlineData("WorkQueue:Webhooks:MaxRetryAfter", "49.00:00:00")]
    [InlineData("WorkQueue:Webhooks:MaxResponseBytes", "-1")]
    public async Task A_wrong_setting_stops_the_start_and_is_named(string key, string value)
    {
        using IHost host = Host((key, value));
        OptionsValidationException failure = await Assert.ThrowsAsync<OptionsValidationException>(() => host.StartAsync());
        Assert.Contains(key.Replace(":0", "", StringComparison.Ordinal), failure.Message, StringComparison.Ordinal);
    }

    private static async Task<object?> DeliverAsync(
        DeliverWebhook payload, (string Key, string Value)? setting = null, string environment = "Development", CancellationToken cancellationToken = default)
    {
        using IHost host = Host(setting, environment);
        var handler = ActivatorUtilities.CreateInstance<DeliverWebhookHandler>(host.Services);
        return await handler.HandleAsync(payload, Context(cancellationToken));
    }

    private async Task RejectedBeforeSendingAsync(DeliverWebhook payload)
    {
        await Assert.ThrowsAsync<TaskRejectedException>(() => DeliverAsync(payload));
        Assert.Empty(_received);
    }

    private static IHost Host((string Key, string Value)? setting, string environment = "Development")
    {
        HostApplicationBuilder builder = Microsoft.Extensions.Hosting.Host.CreateEmptyApplicationBuilder(new() { EnvironmentName = environment });
        if (setting is { } given)
            builder.Configuration.AddInMemoryCollection([new(given.Key, given.Value)]);
        builder.AddWebhookClient();
        builder.Services.AddSingleton<TimeProvider>(new StoppedClock(Now));
        // Every name leads back to this machine.
        builder.Services.AddSingleton<ResolveHost>((_, _) => Task.FromResult<IPAddress[]>([IPAddress.Loopback]));
        return builder.Build();
    }

    private static RequestDelegate Answer(int status, string? retryAfter = null) => context =>
    {
        context.Response.StatusCode = status;
        if (retryAfter is not null)
            context.Response.Headers.RetryAfter = retryAfter;
        return Task.CompletedTask;
    };

    private static JsonElement Json(string json) => JsonSerializer.Deserialize<JsonElement>(json);

    private sealed record Received(string Method, string Path, Dictionary<string, string> Headers, string Body);
}
