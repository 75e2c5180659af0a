using System.Net;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;
using Microsoft.Playwright;
using WorkQueue.Tests.Faults;
using WorkQueue.Tests.Support;
using Yarp.ReverseProxy.Configuration;

namespace WorkQueue.Tests.Board;

/// <summary>Two producers behind a proxy that gives each of them every other request.</summary>
[Collection(MoreBrokerTests.Name)]
public sealed class TwoProducersTests(BrokerFixture broker)
{
    private const string Key = "the-key-of-both-producers";

    [ChromiumFact]
    public async Task A_board_that_is_open_twice_signs_in_once_each_follows_and_takes_forms_whichever_producer_answers()
    {
        await using TestQueue queue = new(broker);
        (WorkerProcess first, Uri one) = await WorkerProcess.StartProducerAsync(broker.ConnectionString, queue.Prefix, ("ApiKeys:admin", Key));
        await using WorkerProcess end = first;
        (WorkerProcess second, Uri other) = await WorkerProcess.StartProducerAsync(broker.ConnectionString, queue.Prefix, ("ApiKeys:admin", Key));
        await using WorkerProcess otherEnd = second;
        await using WebApplication proxy = await ProxyAsync(one, other);
        using HttpClient api = new() { BaseAddress = new Uri(proxy.Urls.First()) };
        api.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", Key);
        string[] tasks = [.. await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => SendAsync(api)))];

        using IPlaywright playwright = await Playwright.CreateAsync();
        await using IBrowser browser = await BoardFixture.LaunchAsync(playwright);
        await using BoardPage left = await SignInAsync(browser, api.BaseAddress, tasks[0]);
        await using BoardPage right = await SignInAsync(browser, api.BaseAddress, tasks[0]);
        foreach (string task in tasks)
        {
            await left.GoToAsync($"/board/tasks/{task}");
            await right.GoToAsync($"/board/tasks/{task}");
            await left.MarkAsync();
            await left.Chip("scheduled").WaitForAsync();
            await right.Page.ClickAsync("button:text('Cancel')");
            await right.Chip("cancelled").WaitForAsync();
            // The other page learns of it from the producer that it listens to, without being loaded again.
            await left.Chip("cancelled").WaitForAsync();
            Assert.True(await left.IsMarkedAsync());
        }

        Assert.Empty(left.Complaints);
        Assert.Empty(right.Complaints);
    }

    [BrokerFact]
    public async Task A_task_that_one_has_taken_is_known_to_the_other_and_a_key_makes_one_task_of_calls_to_both()
    {
        await using TestQueue queue = new(broker);
        (WorkerProcess first, Uri one) = await WorkerProcess.StartProducerAsync(broker.ConnectionString, queue.Prefix);
        await using WorkerProcess end = first;
        (WorkerProcess second, Uri other) = await WorkerProcess.StartProducerAsync(broker.ConnectionString, queue.Prefix);
        await using WorkerProcess otherEnd = second;
        await using WebApplication proxy = await ProxyAsync(one, other);
        using HttpClient api = new() { BaseAddress = new Uri(proxy.Urls.First()) };
        string[] ids = await Task.WhenAll(Enumerable.Range(0, 40).Select(number => SendAsync(api, $"key-{number / 4}")));
        Assert.Equal(10, ids.Distinct().Count());
        foreach (string id in ids.Distinct())
        {
            foreach (Uri producer in (Uri[])[one, other])
            {
                await Eventually.TrueAsync(async () => (await api.GetAsync(new Uri(producer, $"/tasks/{id}"))).IsSuccessStatusCode, $"{producer} knows {id}");
            }
        }
    }

    private static async Task<string> SendAsync(HttpClient api, string? key = null)
    {
        string body = "";
        // Of a key a producer says 503 for as long as it has not read the history, and to try again.
        await Eventually.TrueAsync(
            async () =>
            {
                using HttpRequestMessage request = new(HttpMethod.Post, "/tasks") { Content = JsonContent.Create(new { type = "simulate", payload = new { text = "later" }, delay = "01:00:00" }) };
                if (key is not null)
                {
                    request.Headers.Add("Idempotency-Key", key);
                }

                using HttpResponseMessage answer = await api.SendAsync(request);
                body = await answer.Content.ReadAsStringAsync();
                Assert.True(answer.IsSuccessStatusCode || (key is not null && answer.StatusCode == HttpStatusCode.ServiceUnavailable), body);
                return answer.IsSuccessStatusCode;
            },
            "the task is taken");
        return JsonDocument.Parse(body).RootElement.GetProperty("id").GetString()!;
    }

    private static async Task<BoardPage> SignInAsync(IBrowser browser, Uri address, string task)
    {
        IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions { BaseURL = address.ToString() });
        context.SetDefaultTimeout((float)TestEnvironment.Patience.TotalMilliseconds);
        BoardPage page = new(context, await context.NewPageAsync());
        await page.GoToAsync($"/board/tasks/{task}");
        await page.Page.FillAsync("input[name=key]", Key);
        await page.Page.ClickAsync("button:text('Sign in')");
        await page.IsAtAsync($"/board/tasks/{task}");
        return page;
    }

    private static async Task<WebApplication> ProxyAsync(params Uri[] producers)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        builder.Services.AddReverseProxy().LoadFromMemory(
            [new RouteConfig { RouteId = "all", ClusterId = "producers", Match = new RouteMatch { Path = "{**path}" }, Transforms = [new Dictionary<string, string> { ["RequestHeaderOriginalHost"] = "true" }] }],
            [new ClusterConfig { ClusterId = "producers", LoadBalancingPolicy = "RoundRobin", Destinations = producers.ToDictionary(producer => $"{producer.Port}", producer => new DestinationConfig { Address = producer.ToString() }) }]);
        WebApplication app = builder.Build();
        app.MapReverseProxy();
        await app.StartAsync();
        return app;
    }
}
