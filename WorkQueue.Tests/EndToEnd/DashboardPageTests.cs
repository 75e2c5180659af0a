using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Playwright;
using WorkQueue.Tests.Board;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.EndToEnd;

/// <summary>Aspire's dashboard in a real browser: the pictures of docs/operations.md.</summary>
[Collection(SystemTests.Name)]
public sealed class DashboardPageTests(RunningSystem system) : OnRunningSystem(system)
{
    // docs/operations.md says what each answers.
    private static readonly (string Resource, string Instrument)[] Charts =
    [
        ("producer", "workqueue.queue.messages"), ("worker", "workqueue.task.wait"), ("worker", "messaging.process.duration"), ("worker", "workqueue.task.settled"), ("worker", "workqueue.worker.busy"),
    ];

    [ChromiumFact]
    public async Task The_resources_a_trace_and_the_five_charts_to_look_at_are_shown_and_photographed()
    {
        string? folder = Environment.GetEnvironmentVariable("WORKQUEUE_SCREENSHOTS");
        string login = await DashboardApi.LoginAsync(App);
        string worker = await App.ReplicaAsync();
        string trace = await FailedTraceAsync();
        using CancellationTokenSource enough = new();
        Task load = LoadAsync(string.IsNullOrEmpty(folder) ? TimeSpan.FromSeconds(1) : TimeSpan.FromSeconds(90), enough.Token);
        await (string.IsNullOrEmpty(folder) ? Task.CompletedTask : load);
        using IPlaywright playwright = await Playwright.CreateAsync();
        await using IBrowser browser = await BoardFixture.LaunchAsync(playwright);
        foreach (ColorScheme scheme in (ColorScheme[])[ColorScheme.Light, ColorScheme.Dark])
        {
            await using IBrowserContext context = await browser.NewContextAsync(new BrowserNewContextOptions { ColorScheme = scheme, ViewportSize = new ViewportSize { Width = 1280, Height = 800 } });
            context.SetDefaultTimeout((float)TestEnvironment.Patience.TotalMilliseconds);
            IPage page = await context.NewPageAsync();
            await page.GotoAsync(login);
            await page.GetByText("RabbitMQ management").WaitForAsync();
            await page.GetByText("Task board").WaitForAsync();
            await page.GetByText("OpenAPI").WaitForAsync();
            Assert.Equal(0, await page.GetByText("amqp://").CountAsync());
            await PhotographAsync(page, folder, "resources", scheme);
            await page.GotoAsync(new Uri(new Uri(login), $"/traces/detail/{trace}").ToString());
            await page.GetByText("POST /tasks").First.WaitForAsync();
            await PhotographAsync(page, folder, "trace", scheme);
            foreach ((string resource, string instrument) in Charts)
            {
                string of = resource == "worker" ? worker : resource;
                await page.GotoAsync(new Uri(new Uri(login), $"/metrics/resource/{of}?meter=WorkQueue&instrument={instrument}&duration=1&view=Graph").ToString());
                await page.Locator($"h3:has-text('{instrument}')").First.WaitForAsync();
                await page.Locator(".js-plotly-plot").First.WaitForAsync();
                await PhotographAsync(page, folder, instrument.Replace('.', '-'), scheme);
            }
        }

        await enough.CancelAsync();
        await load;
    }

    // The trace of a task that failed in both its attempts.
    private async Task<string> FailedTraceAsync()
    {
        using HttpResponseMessage answer = await App.SendAsync("fail for the photograph");
        string id = (await answer.Content.ReadFromJsonAsync<JsonElement>()).GetProperty("id").GetString()!;
        JsonElement task = default;
        await Eventually.TrueAsync(
            async () => (task = await App.Producer.GetFromJsonAsync<JsonElement>($"/tasks/{id}")).GetProperty("state").GetString() == "deadLettered", "it fails");
        return task.GetProperty("traceId").GetString()!;
    }

    private static async Task PhotographAsync(IPage page, string? folder, string name, ColorScheme scheme)
    {
        if (!string.IsNullOrEmpty(folder))
        {
            // A chart moves into its place.
            await Task.Delay(TimeSpan.FromSeconds(3), TimeProvider.System);
            await page.ScreenshotAsync(new PageScreenshotOptions { Path = Path.Combine(folder, $"dashboard-{name}-{scheme.ToString().ToLowerInvariant()}.png") });
        }
    }

    // Something of every kind, more at times than two workers do at once.
    private async Task LoadAsync(TimeSpan length, CancellationToken enough)
    {
        long start = TimeProvider.System.GetTimestamp();
        for (int number = 0; !enough.IsCancellationRequested && TimeProvider.System.GetElapsedTime(start) < length; number++)
        {
            using HttpResponseMessage answer = await App.SendAsync(number % 20 == 0 ? "fail now and then" : number % 5 == 0 ? "longer." : "short");
            await Task.Delay(TimeSpan.FromMilliseconds(number / 50 % 2 == 0 ? 60 : 250), TimeProvider.System, CancellationToken.None);
        }
    }
}
