using System.Collections.Concurrent;
using System.Text.Json;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

public sealed record ResizeImage(string File, int Width, int Height);

public sealed record Order(int Number, string Customer);

/// <summary>What docs/patterns.md shows, run.</summary>
[Collection(BrokerTests.Name)]
public sealed class PatternTests(BrokerFixture broker)
{
    private readonly ConcurrentQueue<string> _seen = [];

    [BrokerFact]
    public async Task A_function_handles_tasks_and_is_called()
    {
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskQueue();
            // begin-snippet: lambda
            builder.AddTaskWorker();
            builder.AddTaskHandler("resize", async (ResizeImage p, TaskContext c) =>
            {
                await ResizeAsync(p.File, p.Width, p.Height, c.CancellationToken);
                return new { pixels = p.Width * p.Height };
            });
            // end-snippet
        });
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        // begin-snippet: work-queue
        await tasks.EnqueueAsync("resize", new { file = "cat.png", width = 64, height = 48 });
        // end-snippet
        await Eventually.TrueAsync(() => _seen.Contains("resized cat.png"), "the task has run");
        // begin-snippet: call
        try
        {
            JsonElement result = await tasks.CallAsync<JsonElement>("resize", new ResizeImage("dog.png", 64, 48), TimeSpan.FromSeconds(30));
            Show($"{result.GetProperty("pixels")} pixels");
        }
        catch (CallFailedException failed) when (failed.Outcome == CallOutcome.Failed)
        {
            Show($"The worker says {failed.RemoteErrorType}: {failed.RemoteError}");
        }
        // end-snippet
        Assert.Contains("3072 pixels", _seen);
    }

    [BrokerFact]
    public async Task Events_are_handled_by_all_and_by_one_of_several()
    {
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder =>
        {
            // begin-snippet: event-temporary
            builder.AddEventHandler("orders.#", (Order order, EventContext c) =>
            {
                Show($"{c.Topic}: forget what is cached of {order.Customer}"); // In every process that runs.
                return Task.CompletedTask;
            });
            // end-snippet
            // begin-snippet: event-durable
            builder.AddEventHandler("orders.*.created", async (Order order, EventContext c) =>
            {
                await InvoiceAsync(order, c.Id, c.CancellationToken); // In one process of those that share "invoices"; retried like a task.
            }, subscription: "invoices");
            // end-snippet
        });
        await queue.LoggedAsync("Taking events for subscription orders.#");
        ITaskEvents events = host.Services.GetRequiredService<ITaskEvents>();
        // begin-snippet: event-publish
        await events.PublishAsync("orders.eu.created", new Order(17, "ACME")); // Returns when the broker has it in every durable subscription.
        // end-snippet
        await Eventually.TrueAsync(() => _seen.Contains("orders.eu.created: forget what is cached of ACME") && _seen.Contains("invoice 17"), "both handlers have run");
    }

    [BrokerFact]
    public async Task A_task_goes_to_a_queue_of_its_own()
    {
        await using TestQueue queue = new(broker, ("Queues:high:DeliveryLimit", "10"));
        ITaskQueue tasks = await queue.ProducerAsync();
        // begin-snippet: routing
        await tasks.EnqueueAsync(NewTask.Json("resize", new ResizeImage("cat.png", 64, 48)) with { Queue = "high" });
        // end-snippet
        Assert.Equal(1u, await queue.ReadyAsync("high"));
    }

    [BrokerFact]
    public async Task Confirms_are_waited_for_in_three_ways()
    {
        await using TestQueue queue = new(broker);
        ITaskQueue tasks = await queue.ProducerAsync();
        ResizeImage image = new("cat.png", 64, 48);
        IReadOnlyList<NewTask> images = [NewTask.Json("resize", image), NewTask.Json("resize", image)];
        // begin-snippet: confirm-one
        EnqueuedTask task = await tasks.EnqueueAsync("resize", image); // Throws unless the broker has confirmed it.
        // end-snippet
        Show(task.Id);
        // begin-snippet: confirm-batch
        foreach (EnqueueResult result in await tasks.EnqueueManyAsync(images)) // One result for each, in their order.
            Show(result.Error is null ? $"{result.Task!.Id} confirmed" : $"not enqueued: {result.Error.Message}");
        // end-snippet
        // begin-snippet: confirm-stream
        await foreach (EnqueueResult result in tasks.EnqueueAllAsync(images.ToAsyncEnumerable())) // As the confirms come.
            Show(result.Error is null ? $"{result.Given.Type} confirmed" : $"not enqueued: {result.Error.Message}");
        // end-snippet
        Assert.Equal(5, _seen.Count(line => !line.StartsWith("not enqueued", StringComparison.Ordinal)));
        Assert.Equal(5u, await queue.ReadyAsync());
    }

    private void Show(string text) => _seen.Enqueue(text);

    private Task ResizeAsync(string file, int width, int height, CancellationToken cancellationToken)
    {
        Show(cancellationToken.IsCancellationRequested || width * height == 0 ? "too late" : $"resized {file}");
        return Task.CompletedTask;
    }

    private Task InvoiceAsync(Order order, string id, CancellationToken cancellationToken)
    {
        Show(id.Length == 0 || cancellationToken.IsCancellationRequested ? "too late" : $"invoice {order.Number}");
        return Task.CompletedTask;
    }
}
