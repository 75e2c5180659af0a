using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>A task type handled by a function, as with aio-pika's Master.</summary>
[Collection(BrokerTests.Name)]
public sealed class LambdaHandlerTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_lambda_gets_the_named_arguments_its_context_and_services_and_may_have_a_result()
    {
        await using TestQueue queue = new(broker);
        TaskCompletionSource<(ResizeImage Payload, TaskContext Context, Album Album)> ran = new();
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            builder.AddTaskWorker();
            builder.Services.AddScoped<Album>();
            builder.AddTaskHandler("resize", async (ResizeImage p, TaskContext c) =>
            {
                await Task.Yield();
                ran.SetResult((p, c, c.Services.GetRequiredService<Album>()));
                return new { Pixels = p.Width * p.Height };
            });
        });
        EnqueuedTask task = await host.Services.GetRequiredService<ITaskQueue>().EnqueueAsync("resize", new { file = "a.png", width = 30, height = 20 });
        (ResizeImage payload, TaskContext context, _) = await ran.Task.WaitAsync(TestEnvironment.Patience);
        Assert.Equal((new ResizeImage("a.png", 30, 20), task.Id, 1), (payload, context.Id, context.Attempt));
        Assert.Equal(600, (await ResultOfAsync(host, task.Id)).GetProperty("pixels").GetInt32());
    }

    [BrokerFact]
    public async Task A_payload_that_does_not_fit_the_lambda_is_dead_lettered_and_the_lambda_not_run()
    {
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            builder.AddTaskWorker();
            builder.AddTaskHandler<ResizeImage>("resize", Refuse);
        });
        await host.Services.GetRequiredService<ITaskQueue>().EnqueueAsync("resize", new { file = "a.png" });
        BasicGetResult letter = await queue.TakeAsync("default.dead");
        Assert.StartsWith("the payload does not fit type resize: ", letter.Header("wq-reason"), StringComparison.Ordinal);
    }

    [Fact]
    public void A_type_that_is_malformed_or_has_a_handler_already_is_refused()
    {
        HostApplicationBuilder builder = Host.CreateApplicationBuilder();
        builder.AddTaskHandler<ResizeImage>("resize", Refuse);
        Assert.Throws<ArgumentException>(() => builder.AddTaskHandler("resize", (ResizeImage p, TaskContext _) => Task.FromResult(p.Width)));
        Assert.Throws<ArgumentException>(() => builder.AddTaskHandler<ResizeImage>("re size", Refuse));
    }

    private static Task Refuse(ResizeImage payload, TaskContext context) => throw new InvalidOperationException($"{payload} must not get here");

    private static async Task<JsonElement> ResultOfAsync(IHost host, string id)
    {
        using CancellationTokenSource limit = new(TestEnvironment.Patience);
        await foreach (IReadOnlyList<HistoryRecord> group in host.Services.GetRequiredService<ITaskHistory>().FollowAsync(null, limit.Token))
        {
            if (group.FirstOrDefault(record => record.TaskId == id && record.State == TaskState.Succeeded) is { } done)
            {
                return JsonSerializer.Deserialize<JsonElement>(done.Body.Span);
            }
        }

        throw new InvalidOperationException("The history ended.");
    }

    private sealed record ResizeImage(string File, int Width, int Height);

    private sealed class Album;
}
