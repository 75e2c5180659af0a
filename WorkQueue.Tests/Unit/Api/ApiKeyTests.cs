using System.Collections.Concurrent;
using System.Net;
using System.Net.Http.Headers;
using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using WorkQueue.Board;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>The keys of WorkQueue:ApiKeys: their names, scopes and changes, and what the log tells of who used them.</summary>
public sealed class ApiKeyTests
{
    private const string Full = "a-key-for-everything";
    private const string Reads = "a-key-to-look-only";
    private const string Sends = "a-key-to-send-only";
    private const string Operates = "a-key-to-operate-only";

    private static readonly string[] Settings =
    [
        $"--WorkQueue:ApiKeys:admin={Full}",
        $"--WorkQueue:ApiKeys:screen:Key={Reads}", "--WorkQueue:ApiKeys:screen:Scope=read",
        $"--WorkQueue:ApiKeys:shop:Key={Sends}", "--WorkQueue:ApiKeys:shop:Scope=send",
        $"--WorkQueue:ApiKeys:night:Key={Operates}", "--WorkQueue:ApiKeys:night:Scope=operate",
    ];

    private readonly ConcurrentQueue<string> _log = new();

    [Fact]
    public async Task A_key_opens_what_its_scope_names_and_nothing_else()
    {
        await using ApiHost api = await StartAsync(Settings);
        (HttpMethod Method, string Path, string? Body)[] calls =
        [
            (HttpMethod.Get, "/queues", null), (HttpMethod.Get, "/dead-letters", null),
            (HttpMethod.Post, "/tasks", """{"type":"simulate","payload":"x"}"""), (HttpMethod.Post, "/tasks/batch", """{"type":"simulate","payload":"x"}"""),
            (HttpMethod.Post, "/queues/default/pause", null), (HttpMethod.Post, "/dead-letters/discard", """{"queue":"default"}"""), (HttpMethod.Delete, "/schedules/none", null),
        ];
        foreach ((string key, string may) in new[] { (Full, "1111111"), (Reads, "1100000"), (Sends, "0011000"), (Operates, "0000111") })
        {
            Assert.Equal(may, string.Concat(await Task.WhenAll(calls.Select(async call => await StatusAsync(api, key, call.Method, call.Path, call.Body) == HttpStatusCode.Forbidden ? '0' : '1'))));
        }

        Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(api, "a-key-of-somebody-else", HttpMethod.Get, "/queues"));
    }

    [Fact]
    public async Task A_refusal_names_the_key_what_it_has_and_what_is_needed()
    {
        await using ApiHost api = await StartAsync(Settings);
        using HttpRequestMessage request = Request(Reads, HttpMethod.Post, "/queues/default/pause", null);
        using HttpResponseMessage answer = await api.Http.SendAsync(request);
        string text = await answer.Content.ReadAsStringAsync();
        Assert.Contains("The key 'screen' may not do this: it has the scope read, and this needs operate", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task What_changes_something_is_told_in_the_log_with_who_what_and_its_outcome()
    {
        await using ApiHost api = await StartAsync(Settings);
        await StatusAsync(api, Operates, HttpMethod.Post, "/queues/default/pause");
        await StatusAsync(api, Full, HttpMethod.Post, "/dead-letters/discard", """{"queue":"default","error":"no\nline"}""");
        await StatusAsync(api, Sends, HttpMethod.Post, "/tasks", """{"type":"simulate","payload":"x"}""");
        await StatusAsync(api, Reads, HttpMethod.Post, "/queues/default/resume");
        string[] audit = [.. _log.Where(line => line.Contains(" from 127.0.0.1: ", StringComparison.Ordinal))];
        Assert.Collection(
            audit,
            line => Assert.Contains("night from 127.0.0.1: POST /queues/default/pause : 200", line, StringComparison.Ordinal),
            line => Assert.Contains("admin from 127.0.0.1: POST /dead-letters/discard queue default, error no line, 1 moved: 200", line, StringComparison.Ordinal),
            line => Assert.Contains("screen from 127.0.0.1: POST /queues/default/resume : 403", line, StringComparison.Ordinal));
        Assert.DoesNotContain(_log, line => new[] { Full, Reads, Sends, Operates }.Any(key => line.Contains(key, StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Keys_change_without_a_restart_and_wrong_ones_change_nothing()
    {
        string folder = Directory.CreateTempSubdirectory("workqueue-keys-").FullName;
        string file = Path.Combine(folder, "keys.json");
        try
        {
            await WriteAsync("the-old-key-of-the-shop");
            IConfigurationRoot? configuration = null;
            await using ApiHost api = await ApiHost.StartMappedAsync("Production", app => app.MapTaskApi(), services =>
            {
                configuration = new ConfigurationBuilder().AddJsonFile(file, optional: false, reloadOnChange: false).Build();
                services.AddSingleton<IConfiguration>(configuration);
                services.AddLogging(logging => logging.AddProvider(new LineLogger(_log)));
            });
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(api, "the-old-key-of-the-shop", HttpMethod.Get, "/queues"));
            await WriteAsync("the-new-key-of-the-shop");
            configuration!.Reload();
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(api, "the-new-key-of-the-shop", HttpMethod.Get, "/queues"));
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(api, "the-old-key-of-the-shop", HttpMethod.Get, "/queues"));
            await WriteAsync("short");
            configuration!.Reload();
            Assert.Equal(HttpStatusCode.OK, await StatusAsync(api, "the-new-key-of-the-shop", HttpMethod.Get, "/queues"));
            Assert.Contains(_log, line => line.Contains("WorkQueue:ApiKeys:shop: a key has at least 16 characters. Those of before go on", StringComparison.Ordinal));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }

        Task WriteAsync(string key) =>
            File.WriteAllTextAsync(file, """{"WorkQueue":{"ApiKeys":{"shop":{"Key":"KEY","Scope":"read"}},"Board":{"Store":":memory:"}}}""".Replace("KEY", key, StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("WorkQueue:ApiKeys:a:Scope is 'write'", "--WorkQueue:ApiKeys:a:Key=a-key-long-enough", "--WorkQueue:ApiKeys:a:Scope=write")]
    [InlineData("WorkQueue:ApiKeys:a:Scope is empty", "--WorkQueue:ApiKeys:a:Key=a-key-long-enough", "--WorkQueue:ApiKeys:a:Scope=")]
    [InlineData("WorkQueue:ApiKeys:a:Key is missing", "--WorkQueue:ApiKeys:a:Scope=read")]
    [InlineData("WorkQueue:ApiKeys:a:Scopes is no setting", "--WorkQueue:ApiKeys:a:Key=a-key-long-enough", "--WorkQueue:ApiKeys:a:Scopes=read")]
    [InlineData("WorkQueue:ApiKeys:a: Key and Scope are texts", "--WorkQueue:ApiKeys:a:Key=a-key-long-enough", "--WorkQueue:ApiKeys:a:Scope:0=read")]
    [InlineData("a and b are the same key", "--WorkQueue:ApiKeys:a=a-key-long-enough", "--WorkQueue:ApiKeys:b=a-key-long-enough")]
    public async Task Wrong_keys_stop_the_start_and_are_named_without_being_told(string message, params string[] settings)
    {
        InvalidOperationException wrong = await Assert.ThrowsAsync<InvalidOperationException>(() => StartAsync(settings));
        Assert.Contains(message, wrong.Message, StringComparison.Ordinal);
        Assert.DoesNotContain("a-key-long-enough", wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_address_that_sends_many_wrong_keys_hears_of_none_for_a_minute_but_of_those_that_were_right_before()
    {
        await using ApiHost api = await StartAsync(Settings);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(api, Reads, HttpMethod.Get, "/queues"));
        for (int tries = 0; tries < 30; tries++)
        {
            Assert.Equal(HttpStatusCode.Unauthorized, await StatusAsync(api, $"a-key-that-is-guessed-{tries}", HttpMethod.Get, "/queues"));
        }

        using HttpRequestMessage request = Request(Full, HttpMethod.Get, "/queues", null);
        using HttpResponseMessage answer = await api.Http.SendAsync(request);
        Assert.Equal(HttpStatusCode.TooManyRequests, answer.StatusCode);
        Assert.Equal(TimeSpan.FromMinutes(1), answer.Headers.RetryAfter?.Delta);
        Assert.Equal(HttpStatusCode.OK, await StatusAsync(api, Reads, HttpMethod.Get, "/queues"));
    }

    private Task<ApiHost> StartAsync(string[] settings) => ApiHost.StartMappedAsync(
        "Production", app => app.MapTaskApi(), services => services.AddLogging(logging => logging.AddProvider(new LineLogger(_log))), settings);

    private static async Task<HttpStatusCode> StatusAsync(ApiHost api, string key, HttpMethod method, string path, string? body = null)
    {
        using HttpRequestMessage request = Request(key, method, path, body);
        using HttpResponseMessage answer = await api.Http.SendAsync(request);
        return answer.StatusCode;
    }

    private static HttpRequestMessage Request(string key, HttpMethod method, string path, string? body) => new(method, path)
    {
        Headers = { Authorization = new AuthenticationHeaderValue("Bearer", key) },
        Content = body is null ? null : new StringContent(body, Encoding.UTF8, path.EndsWith("/batch", StringComparison.Ordinal) ? "application/x-ndjson" : "application/json"),
    };
}
