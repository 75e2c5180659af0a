using System.Net;
using System.Net.Http.Json;
using System.Security.Claims;
using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.AspNetCore.Authentication;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Board;
using WorkQueue.Messaging;
using WorkQueue.Tests.Unit.Api;

namespace WorkQueue.Tests.Board;

/// <summary>API and board in an application that serves other things, too.</summary>
public sealed partial class MappedBoardTests
{
    private const string Allowed = "allowed";

    [Fact]
    public async Task Every_link_of_every_page_leads_somewhere_under_any_path_base_and_group()
    {
        await using ApiHost host = await ApiHost.StartMappedAsync("Development", MapUnderShop);
        await host.RecordAsync(host.Records.Queued("a/b"), host.Records.Running("a/b"), host.Records.Dead("a/b"), host.Records.Queued("a"));
        Uri root = new(host.Http.BaseAddress!, "/shop/ops/jobs/");
        Queue<Uri> open = new([root]);
        HashSet<Uri> seen = [root];
        Dictionary<Uri, Uri> from = [];
        while (open.TryDequeue(out Uri? page))
        {
            using HttpResponseMessage answer = await host.Http.GetAsync(page);
            Assert.True(answer.IsSuccessStatusCode, $"{from.GetValueOrDefault(page)} leads to {page}: {answer.StatusCode}");
            Assert.StartsWith(root.AbsoluteUri, page.AbsoluteUri + "/", StringComparison.Ordinal);
            string text = await answer.Content.ReadAsStringAsync();
            if (answer.Content.Headers.ContentType?.MediaType != "text/html")
            {
                continue;
            }

            Uri @base = new(page, Base().Match(text).Groups[1].Value);
            Assert.Equal(root, @base);
            foreach (Match link in Links().Matches(text))
            {
                string to = WebUtility.HtmlDecode(link.Groups[1].Value);
                Uri target = new(new Uri(@base, to).GetLeftPart(UriPartial.Query));
                if (!to.StartsWith("data:", StringComparison.Ordinal) && seen.Add(target))
                {
                    from[target] = page;
                    open.Enqueue(target);
                }
            }
        }

        Assert.Contains(seen, page => page.AbsolutePath.EndsWith("/tasks/by-id", StringComparison.Ordinal));
        Assert.True(seen.Count > 20, $"{seen.Count} pages");
    }

    [Fact]
    public async Task Forms_and_answers_lead_back_to_where_the_board_is()
    {
        await using ApiHost host = await ApiHost.StartMappedAsync("Development", MapUnderShop);
        await host.RecordAsync(host.Records.Queued("waits"));
        using HttpClientHandler handler = new() { AllowAutoRedirect = false };
        using HttpClient browser = new(handler) { BaseAddress = new Uri(host.Http.BaseAddress!, "/shop/ops/jobs/") };
        Assert.Contains($"curl &#x27;{host.Http.BaseAddress}shop/ops/api/tasks&#x27;", await browser.GetStringAsync("tasks/waits"), StringComparison.Ordinal);
        using FormUrlEncodedContent form = new([new("id", "waits")]);
        using HttpResponseMessage cancelled = await browser.PostAsync("task/cancel", form);
        Assert.Equal("/shop/ops/jobs/tasks/waits", cancelled.Headers.Location?.ToString());
        Assert.Equal("waits", Assert.Single(host.Broker.Cancelled).Id);

        using StringContent task = new("""{"type":"simulate","payload":{}}""", System.Text.Encoding.UTF8, "application/json");
        using HttpResponseMessage sent = await browser.PostAsync("../api/tasks", task);
        string id = (await sent.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
        Assert.Equal($"/shop/ops/api/tasks/{id}", sent.Headers.Location?.ToString());
    }

    [Fact]
    public async Task Where_the_application_asks_for_its_own_authorization_no_key_is_needed()
    {
        await using ApiHost host = await ApiHost.StartMappedAsync(
            "Production",
            app =>
            {
                app.UseAuthentication();
                app.UseAuthorization();
                app.MapTaskApi("/api").RequireAuthorization();
                app.MapTaskBoard("/jobs").RequireAuthorization();
            },
            services => services.AddAuthorization().AddAuthentication(Allowed).AddScheme<AuthenticationSchemeOptions, HeaderScheme>(Allowed, null));
        foreach (string path in (string[])["/api/queues", "/jobs", "/jobs/tasks", "/jobs/sign-in"])
        {
            Assert.Equal(HttpStatusCode.Unauthorized, (await host.Http.GetAsync(path)).StatusCode);
            using HttpRequestMessage known = new(HttpMethod.Get, path);
            known.Headers.Add(Allowed, "yes");
            Assert.Equal(HttpStatusCode.OK, (await host.Http.SendAsync(known)).StatusCode);
        }
    }

    [Fact]
    public async Task Outside_Development_a_program_that_would_ask_for_a_key_and_has_none_does_not_start()
    {
        InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(() => ApiHost.StartMappedAsync("Production", app => app.MapTaskApi()));
        Assert.Contains("WorkQueue__ApiKeys__0", error.Message, StringComparison.Ordinal);
        Assert.Contains("RequireAuthorization", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_else_the_application_serves_stays_as_it_was()
    {
        await using ApiHost host = await ApiHost.StartMappedAsync(
            "Production",
            app =>
            {
                app.MapTaskApi("/api");
                app.MapTaskBoard();
                app.MapGet("/own", () => "mine");
                app.MapGet("/fails", string () => throw new InvalidTaskException(InvalidTaskReason.UnknownType, "not for others"));
                app.MapGet("/limit", (HttpContext context) => context.Features.Get<IHttpMaxRequestBodySizeFeature>()!.MaxRequestBodySize);
            },
            settings: "--WorkQueue:ApiKeys:0=a-key-of-the-mapped-board");
        Assert.Equal("mine", await host.Http.GetStringAsync("/own"));
        using HttpResponseMessage failed = await host.Http.GetAsync("/fails");
        Assert.Equal((HttpStatusCode.InternalServerError, ""), (failed.StatusCode, await failed.Content.ReadAsStringAsync()));
        Assert.Equal("30000000", await host.Http.GetStringAsync("/limit"));
        Assert.Equal(HttpStatusCode.Unauthorized, (await host.Http.GetAsync("/api/queues")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await host.Http.GetAsync("/nowhere")).StatusCode);
    }

    [Fact]
    public async Task Names_JSON_settings_and_a_cache_of_the_application_change_nothing_of_the_API()
    {
        const string Key = "a-key-of-the-mapped-board";
        await using ApiHost host = await ApiHost.StartMappedAsync(
            "Production",
            app =>
            {
                app.UseOutputCache();
                app.MapTaskApi("/api");
                app.MapTaskBoard();
                app.MapGet("/todo/{id}", (string id) => new { Todo = id }).WithName("GetTask");
            },
            services => services
                .AddOutputCache(cache => cache.AddBasePolicy(policy => policy.Expire(TimeSpan.FromMinutes(1))))
                .ConfigureHttpJsonOptions(json => json.SerializerOptions.PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseUpper),
            $"--WorkQueue:ApiKeys:0={Key}");
        await host.RecordAsync(host.Records.Queued("a"));
        foreach (string path in (string[])["/api/tasks/a", "/api/queues", "/board/tasks"])
        {
            using HttpRequestMessage known = new(HttpMethod.Get, path);
            known.Headers.Authorization = new("Bearer", Key);
            using HttpResponseMessage answer = await host.Http.SendAsync(known);
            Assert.Equal(HttpStatusCode.OK, answer.StatusCode);
            using HttpResponseMessage unknown = await host.Http.GetAsync(path);
            Assert.DoesNotContain("simulate", await unknown.Content.ReadAsStringAsync(), StringComparison.Ordinal);
            if (path == "/api/tasks/a")
            {
                Assert.Equal("queued", (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("state").GetString());
            }
        }

        Assert.Equal("""{"TODO":"1"}""", await host.Http.GetStringAsync("/todo/1"));
    }

    [Theory]
    [InlineData("", "/tasks")]
    [InlineData("", "/queues")]
    [InlineData("", "/batches")]
    [InlineData("", "/schedules")]
    [InlineData("", "/scaling")]
    [InlineData("/x", "/x")]
    public async Task A_board_where_the_calls_are_stops_the_start(string api, string board)
    {
        InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(() => ApiHost.StartMappedAsync("Development", app =>
        {
            app.MapTaskApi(api);
            app.MapTaskBoard(board);
        }));
        Assert.Contains($"'{board}/'", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_API_that_is_mapped_twice_stops_the_start()
    {
        InvalidOperationException error = await Assert.ThrowsAsync<InvalidOperationException>(() => ApiHost.StartMappedAsync("Development", app =>
        {
            app.MapTaskApi("/a");
            app.MapTaskApi("/b");
        }));
        Assert.Contains("twice", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("Origin", "http://evil.example", HttpStatusCode.Forbidden)]
    [InlineData("Origin", "null", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-site", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "cross-site", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "none", HttpStatusCode.Accepted)]
    [InlineData("X-Nothing", "x", HttpStatusCode.Accepted)]
    public async Task A_page_from_elsewhere_sends_nothing(string header, string value, HttpStatusCode status)
    {
        await using ApiHost host = await ApiHost.StartMappedAsync("Development", app => app.MapTaskApi());
        using HttpRequestMessage sent = new(HttpMethod.Post, "/tasks") { Content = new StringContent("hello") };
        sent.Headers.Add(header, value);
        using HttpResponseMessage answer = await host.Http.SendAsync(sent);
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(status == HttpStatusCode.Accepted ? 1 : 0, host.Broker.Enqueued.Count);
    }

    [Theory]
    [InlineData("Origin", "http://evil.example", HttpStatusCode.Forbidden)]
    [InlineData("Origin", "null", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-site", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "cross-site", HttpStatusCode.Forbidden)]
    [InlineData("Sec-Fetch-Site", "same-origin", HttpStatusCode.Redirect)]
    public async Task A_form_of_another_site_changes_nothing(string header, string value, HttpStatusCode status)
    {
        await using ApiHost host = await ApiHost.StartMappedAsync("Development", app => app.MapTaskBoard());
        await host.RecordAsync(host.Records.Queued("waits"));
        using HttpClientHandler handler = new() { AllowAutoRedirect = false };
        using HttpClient browser = new(handler) { BaseAddress = host.Http.BaseAddress };
        using HttpRequestMessage sent = new(HttpMethod.Post, "/board/task/cancel") { Content = new FormUrlEncodedContent([new("id", "waits")]) };
        sent.Headers.Add(header, value);
        using HttpResponseMessage answer = await browser.SendAsync(sent);
        Assert.Equal(status, answer.StatusCode);
        Assert.Equal(status == HttpStatusCode.Redirect ? 1 : 0, host.Broker.Cancelled.Count);
        Assert.Equal(status == HttpStatusCode.Forbidden, (await answer.Content.ReadAsStringAsync()).Contains("a page of another site", StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_form_whose_origin_is_this_host_is_taken_and_what_is_no_form_is_not()
    {
        await using ApiHost host = await ApiHost.StartMappedAsync("Development", app => app.MapTaskBoard());
        await host.RecordAsync(host.Records.Queued("waits"));
        using HttpClientHandler handler = new() { AllowAutoRedirect = false };
        using HttpClient browser = new(handler) { BaseAddress = host.Http.BaseAddress };
        browser.DefaultRequestHeaders.Add("Origin", host.Http.BaseAddress!.GetLeftPart(UriPartial.Authority));
        using StringContent text = new("id=waits");
        Assert.Equal(HttpStatusCode.UnsupportedMediaType, (await browser.PostAsync("/board/task/cancel", text)).StatusCode);
        Assert.Empty(host.Broker.Cancelled);
        using FormUrlEncodedContent form = new([new("id", "waits")]);
        Assert.Equal(HttpStatusCode.Redirect, (await browser.PostAsync("/board/task/cancel", form)).StatusCode);
        Assert.Single(host.Broker.Cancelled);
    }

    [Fact]
    public async Task An_id_with_a_slash_is_found_behind_a_proxy_that_takes_the_path_base_away()
    {
        await using ApiHost host = await ApiHost.StartMappedAsync("Development", app =>
        {
            app.Use((context, next) =>
            {
                context.Request.PathBase = "/behind";
                return next(context);
            });
            app.UseRouting();
            app.MapTaskApi();
        });
        await host.RecordAsync(host.Records.Queued("a/b%2F"));
        Assert.Equal("a/b%2F", (await host.GetAsync($"/tasks/{Uri.EscapeDataString("a/b%2F")}")).Json.GetProperty("id").GetString());
    }

    [Fact]
    public async Task A_compressed_batch_may_be_as_large_as_a_plain_one()
    {
        await using ApiHost host = await ApiHost.StartMappedAsync("Development", app => app.MapTaskApi());
        string lines = string.Concat(Enumerable.Repeat($$$"""{"type":"simulate","payload":{"text":"{{{new string('x', 100_000)}}}"}}""" + "\n", 20));
        using MemoryStream packed = new();
        await using (System.IO.Compression.GZipStream zip = new(packed, System.IO.Compression.CompressionLevel.Fastest, leaveOpen: true))
        {
            await zip.WriteAsync(System.Text.Encoding.UTF8.GetBytes(lines));
        }

        using ByteArrayContent body = new(packed.ToArray());
        body.Headers.ContentType = new("application/x-ndjson");
        body.Headers.ContentEncoding.Add("gzip");
        using HttpResponseMessage answer = await host.Http.PostAsync("/tasks/batch", body);
        Assert.Equal((HttpStatusCode.Accepted, 20), (answer.StatusCode, host.Broker.Enqueued.Count));
    }

    [Fact]
    public async Task The_board_alone_shows_no_command_for_an_API_that_is_not_there()
    {
        await using ApiHost host = await ApiHost.StartMappedAsync("Development", app => app.MapTaskBoard(""));
        await host.RecordAsync(host.Records.Queued("waits"));
        Assert.DoesNotContain("curl", await host.Http.GetStringAsync("/tasks/waits"), StringComparison.Ordinal);
    }

    private static void MapUnderShop(WebApplication app)
    {
        app.UsePathBase("/shop");
        app.UseRouting();
        Microsoft.AspNetCore.Routing.RouteGroupBuilder ops = app.MapGroup("/ops");
        ops.MapTaskApi("/api");
        ops.MapTaskBoard("/jobs");
    }

    [GeneratedRegex("<base href=\"([^\"]+)\"")]
    private static partial Regex Base();

    [GeneratedRegex("<(?:a|link|script|form(?=[^>]* method=\"get\"))[^>]* (?:href|src|action)=\"([^\"]*)\"")]
    private static partial Regex Links();

    private sealed class HeaderScheme(IOptionsMonitor<AuthenticationSchemeOptions> options, ILoggerFactory logger, UrlEncoder encoder)
        : AuthenticationHandler<AuthenticationSchemeOptions>(options, logger, encoder)
    {
        protected override Task<AuthenticateResult> HandleAuthenticateAsync() => Task.FromResult(Request.Headers.ContainsKey(Allowed)
            ? AuthenticateResult.Success(new AuthenticationTicket(new ClaimsPrincipal(new ClaimsIdentity([new Claim(ClaimTypes.Name, "somebody")], Allowed)), Allowed))
            : AuthenticateResult.NoResult());
    }
}
