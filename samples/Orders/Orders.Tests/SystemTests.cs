using System.Net;
using System.Net.Http.Json;
using System.Text.Json;
using Aspire.Hosting;
using Aspire.Hosting.Testing;

namespace Orders.Tests;

/// <summary>The whole system: broker, web application, workers.</summary>
public sealed class SystemTests
{
    [Fact]
    public async Task An_order_has_its_invoice_written_by_a_worker_and_is_on_the_board()
    {
        await using IDistributedApplicationTestingBuilder appHost = await DistributedApplicationTestingBuilder.CreateAsync<Projects.Orders_AppHost>();
        await using DistributedApplication app = await appHost.BuildAsync();
        await app.StartAsync();
        using CancellationTokenSource limit = new(TimeSpan.FromMinutes(2));
        await app.ResourceNotifications.WaitForResourceHealthyAsync("web", limit.Token);

        using HttpClient web = app.CreateHttpClient("web", "http");
        using HttpResponseMessage answer = await web.PostAsJsonAsync("/orders", new { number = "17", net = 100 });
        Assert.Equal(HttpStatusCode.Accepted, answer.StatusCode);

        JsonElement task = await StateAsync(web, answer.Headers.Location!);
        while (task.ValueKind == JsonValueKind.Undefined || task.GetProperty("state").GetString() is not ("succeeded" or "deadLettered"))
        {
            await Task.Delay(TimeSpan.FromMilliseconds(200), limit.Token);
            task = await StateAsync(web, answer.Headers.Location!);
        }

        Assert.Equal("R-17", task.GetProperty("result").GetProperty("number").GetString());
        Assert.Contains("write-invoice", await web.GetStringAsync("/jobs/tasks"), StringComparison.Ordinal);
    }

    // The history may be some seconds behind the broker's confirm.
    private static async Task<JsonElement> StateAsync(HttpClient web, Uri task)
    {
        using HttpResponseMessage answer = await web.GetAsync(task);
        return answer.StatusCode == HttpStatusCode.NotFound ? default : await answer.EnsureSuccessStatusCode().Content.ReadFromJsonAsync<JsonElement>();
    }
}
