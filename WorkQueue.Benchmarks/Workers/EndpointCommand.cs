using System.CommandLine;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.Benchmarks.Contenders;

namespace WorkQueue.Benchmarks.Workers;

/// <summary>The least that a web program can do: it takes a task, publishes it by the raw client, and answers when that is confirmed.</summary>
internal static class EndpointCommand
{
    public const string Name = "endpoint";

    public static Command Create()
    {
        Argument<string> broker = new("broker");
        Argument<string> url = new("url");
        Command command = new(Name, "Takes tasks by HTTP, as a process of a benchmark.") { broker, url };
        command.Hidden = true;
        command.SetAction((parsed, stopping) => RunAsync(new RawClient(new Stage(parsed.GetValue(broker)!, IsQuick: false)), parsed.GetValue(url)!, stopping));
        return command;
    }

    private static Task<int> RunAsync(RawClient raw, string url, CancellationToken stopping) => raw.OnConfirmsAsync(async channel =>
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        await using WebApplication app = builder.Build();
        app.Urls.Add(url);
        app.MapPost("/tasks", async (Posted task) =>
        {
            await raw.PublishAsync(channel, task.Payload);
            string id = Guid.CreateVersion7().ToString();
            return Results.Accepted($"/tasks/{id}", new Accepted(id));
        });
        await ((IHost)app).RunAsync(stopping);
        return 0;
    });

    private sealed record Posted(string Type, string Payload);

    private sealed record Accepted(string Id);
}
