using System.Net;
using System.Text.RegularExpressions;
using WorkQueue.Messaging;
using WorkQueue.Tests.Unit.Api;

namespace WorkQueue.Tests.Board;

/// <summary>The pages over HTTP, with a queue and a history in memory.</summary>
public sealed partial class BoardPageTests
{
    private const string Key = "a-key-of-the-board-tests";

    [Fact]
    public async Task Every_page_is_there_with_a_policy_that_allows_nothing_inline()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        foreach (string path in (string[])["/", "/board/tasks", "/board/queues", "/board/batches", "/board/schedules", "/board/dead-letters", "/board/workers", "/board/new"])
        {
            using HttpResponseMessage page = await host.Http.GetAsync(path);
            string html = await page.Content.ReadAsStringAsync();
            Assert.Equal(HttpStatusCode.OK, page.StatusCode);
            Assert.StartsWith("default-src 'none'; script-src 'self'; style-src 'self'", page.Headers.GetValues("Content-Security-Policy").Single(), StringComparison.Ordinal);
            Assert.DoesNotMatch(Inline(), html);
            Assert.StartsWith("<!DOCTYPE html>", html, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task The_script_and_the_style_are_kept_by_a_browser_for_as_long_as_they_stay_the_same()
    {
        await using ApiHost host = await ApiHost.StartAsync();
        string html = await host.Http.GetStringAsync("/");
        string[] assets = [.. Asset().Matches(html).Select(match => match.Value.Trim('"'))];
        Assert.Equal(2, assets.Length);
        foreach (string asset in assets)
        {
            using HttpResponseMessage file = await host.Http.GetAsync($"/board/{asset}");
            Assert.Equal(HttpStatusCode.OK, file.StatusCode);
            Assert.Contains("immutable", file.Headers.CacheControl!.ToString(), StringComparison.Ordinal);
        }
    }

    [Theory]
    [InlineData("/board/tasks?state=lost", HttpStatusCode.BadRequest, "state is &#x27;lost&#x27;")]
    [InlineData("/board/tasks?cursor=x", HttpStatusCode.BadRequest, "cursor is &#x27;x&#x27;")]
    [InlineData("/board/tasks/unknown", HttpStatusCode.NotFound, "No task &#x27;unknown&#x27;")]
    [InlineData("/board/bulk?verb=burn", HttpStatusCode.BadRequest, "verb is &#x27;burn&#x27;")]
    [InlineData("/board/dead-letters?id=x&cursor=y", HttpStatusCode.BadRequest, "cursor is &#x27;y&#x27;")]
    [InlineData("/board/nowhere", HttpStatusCode.NotFound, "There is no page")]
    public async Task A_bad_address_is_answered_with_what_is_wrong(string path, HttpStatusCode status, string text)
    {
        await using ApiHost host = await ApiHost.StartAsync();
        using HttpResponseMessage page = await host.Http.GetAsync(path);
        Assert.Equal(status, page.StatusCode);
        Assert.Contains(text, await page.Content.ReadAsStringAsync(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Texts_of_tasks_are_shown_as_text()
    {
        const string Evil = "<img src=x onerror=alert(1)>";
        await using ApiHost host = await ApiHost.StartAsync();
        HistoryRecord queued = host.Records.Queued("evil");
        await host.RecordAsync(queued with { Type = Evil, TaskId = Evil });
        foreach (string path in (string[])["/board/tasks", $"/board/tasks/{Uri.EscapeDataString(Evil)}", $"/board/tasks?q={Uri.EscapeDataString(Evil)}"])
        {
            string html = await host.Http.GetStringAsync(path);
            Assert.DoesNotContain("<img", html, StringComparison.Ordinal);
            Assert.Contains("&lt;img src=x onerror=alert(1)&gt;", html, StringComparison.Ordinal);
        }
    }

    [Fact]
    public async Task Without_history_the_board_says_so_and_shows_the_rest()
    {
        await using ApiHost host = await ApiHost.StartAsync("--WorkQueue:History=off");
        Assert.Contains("History is off", await host.Http.GetStringAsync("/"), StringComparison.Ordinal);
        Assert.Contains("History is off", await host.Http.GetStringAsync("/board/dead-letters"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Outside_Development_a_browser_gives_the_key_once()
    {
        await using ApiHost host = await ApiHost.StartInAsync("Production", $"--WorkQueue:ApiKeys:0={Key}");
        using HttpClientHandler handler = new() { AllowAutoRedirect = false };
        using HttpClient browser = new(handler) { BaseAddress = host.Http.BaseAddress };

        using HttpResponseMessage asked = await browser.GetAsync("/board/tasks?q=x");
        Assert.Equal("/board/sign-in?return=%2Fboard%2Ftasks%3Fq%3Dx", asked.Headers.Location?.ToString());
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/tasks")).StatusCode);

        using HttpResponseMessage wrong = await SignInAsync(browser, "not-a-key-of-the-board", "/");
        Assert.Equal(HttpStatusCode.Forbidden, wrong.StatusCode);
        using HttpResponseMessage right = await SignInAsync(browser, Key, "/board/tasks?q=x");
        Assert.Equal("/board/tasks?q=x", right.Headers.Location?.ToString());
        string cookie = right.Headers.GetValues("Set-Cookie").Single(value => value.StartsWith("wq-session=", StringComparison.Ordinal));
        Assert.Contains("httponly", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.Contains("samesite=strict", cookie, StringComparison.OrdinalIgnoreCase);
        Assert.DoesNotContain(Key, cookie, StringComparison.Ordinal);

        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/board/tasks")).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await browser.GetAsync("/queues")).StatusCode);
        // A page on another port of this host sends the cookie too.
        using StringContent task = new("forged");
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.PostAsync("/tasks", task)).StatusCode);
    }

    [Theory]
    [InlineData("//evil.example")]
    [InlineData("https://evil.example")]
    [InlineData("/\\evil.example")]
    public async Task Signing_in_never_leads_to_another_site(string @return)
    {
        await using ApiHost host = await ApiHost.StartInAsync("Production", $"--WorkQueue:ApiKeys:0={Key}");
        using HttpClientHandler handler = new() { AllowAutoRedirect = false };
        using HttpClient browser = new(handler) { BaseAddress = host.Http.BaseAddress };
        using HttpResponseMessage answer = await SignInAsync(browser, Key, @return);
        Assert.Equal("/board/", answer.Headers.Location?.ToString());
    }

    [Theory]
    [InlineData("wq-session=9999999999.00")]
    [InlineData("wq-session=1.00")]
    [InlineData("wq-session=x")]
    public async Task A_forged_ticket_opens_nothing(string cookie)
    {
        await using ApiHost host = await ApiHost.StartInAsync("Production", $"--WorkQueue:ApiKeys:0={Key}");
        using HttpClientHandler handler = new() { AllowAutoRedirect = false, UseCookies = false };
        using HttpClient browser = new(handler) { BaseAddress = host.Http.BaseAddress };
        browser.DefaultRequestHeaders.Add("Cookie", cookie);
        Assert.Equal(HttpStatusCode.Redirect, (await browser.GetAsync("/")).StatusCode);
        Assert.Equal(HttpStatusCode.Unauthorized, (await browser.GetAsync("/tasks")).StatusCode);
    }

    private static async Task<HttpResponseMessage> SignInAsync(HttpClient browser, string key, string @return)
    {
        string page = await browser.GetStringAsync($"/board/sign-in?return={Uri.EscapeDataString(@return)}");
        Assert.StartsWith("<!DOCTYPE html>", page, StringComparison.Ordinal);
        using FormUrlEncodedContent form = new(
        [
            new("key", key),
            new("return", WebUtility.HtmlDecode(Return().Match(page).Groups[1].Value)),
        ]);
        return await browser.PostAsync("/board/sign-in", form);
    }

    [GeneratedRegex("<script(?![^>]* src=)|<style| style=| on[a-z]+=\"")]
    private static partial Regex Inline();

    [GeneratedRegex("\"assets/[^\"]+")]
    private static partial Regex Asset();

    [GeneratedRegex("name=\"return\" value=\"([^\"]*)\"")]
    private static partial Regex Return();
}
