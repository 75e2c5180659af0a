using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

/// <summary>What goes around every run, and handlers that say what they return.</summary>
[Collection(BrokerTests.Name)]
public sealed class MiddlewareTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task They_go_around_the_handler_in_the_order_in_which_they_were_added_and_share_its_scope()
    {
        await using TestQueue queue = new(broker);
        IHost host = await StartAsync(queue, builder =>
        {
            builder.AddTaskMiddleware<Outer>();
            builder.AddTaskMiddleware<Inner>();
        });
        int words = await host.Services.GetRequiredService<ITaskQueue>().CallAsync<int>("count", new Text("one two three"), TestEnvironment.Patience);
        // The inner one has added one to what the handler returned.
        Assert.Equal(4, words);
        Assert.Equal(["outer before", "inner before", "handler for tenant-7", "inner after 3", "outer after 4"], host.Services.GetRequiredService<Steps>());
    }

    [BrokerFact]
    public async Task One_that_rejects_a_task_has_it_dead_lettered_and_the_handler_does_not_run()
    {
        await using TestQueue queue = new(broker);
        IHost host = await StartAsync(queue, builder => builder.AddTaskMiddleware<Rejecting>());
        await host.Services.GetRequiredService<ITaskQueue>().EnqueueAsync("count", new Text("one"));
        BasicGetResult letter = await queue.TakeAsync("default.dead");
        Assert.Equal("not for this tenant", letter.Header("wq-reason"));
        Assert.Empty(host.Services.GetRequiredService<Steps>());
    }

    [BrokerFact]
    public async Task One_that_does_not_call_next_gives_the_result_itself()
    {
        await using TestQueue queue = new(broker);
        IHost host = await StartAsync(queue, builder => builder.AddTaskMiddleware<Caching>());
        Assert.Equal(17, await host.Services.GetRequiredService<ITaskQueue>().CallAsync<int>("count", new Text("one"), TestEnvironment.Patience));
        Assert.Empty(host.Services.GetRequiredService<Steps>());
    }

    [BrokerFact]
    public async Task One_that_calls_next_twice_fails_the_attempt_and_the_handler_has_run_once()
    {
        await using TestQueue queue = new(broker, ("Types:count:RetryDelays:0", "06:00:00"));
        IHost host = await StartAsync(queue, builder => builder.AddTaskMiddleware<Twice>());
        await host.Services.GetRequiredService<ITaskQueue>().EnqueueAsync("count", new Text("one"));
        await Eventually.TrueAsync(() => queue.Logged.Any(line => line.Contains("has called next twice", StringComparison.Ordinal)), "the attempt has failed");
        Assert.Single(host.Services.GetRequiredService<Steps>());
    }

    private static Task<IHost> StartAsync(TestQueue queue, Action<IHostApplicationBuilder> configure) => queue.StartAsync(builder =>
    {
        builder.AddTaskQueue();
        builder.AddTaskWorker();
        builder.AddTaskHandler<Text, int, CountHandler>("count");
        builder.Services.AddSingleton<Steps>();
        builder.Services.AddScoped<Tenant>();
        configure(builder);
    });

    private sealed record Text(string Value);

    private sealed class Steps : ConcurrentQueue<string>;

    private sealed class Tenant
    {
        public string? Name { get; set; }
    }

    private sealed class CountHandler(Steps steps, Tenant tenant) : ITaskHandler<Text, int>
    {
        public Task<int> HandleAsync(Text payload, TaskContext context)
        {
            steps.Enqueue($"handler for {tenant.Name}");
            return Task.FromResult(payload.Value.Split(' ').Length);
        }
    }

    private sealed class Outer(Steps steps, Tenant tenant) : ITaskMiddleware
    {
        public async Task<object?> InvokeAsync(TaskContext context, Func<Task<object?>> next)
        {
            tenant.Name = "tenant-7";
            steps.Enqueue("outer before");
            object? result = await next();
            steps.Enqueue($"outer after {result}");
            return result;
        }
    }

    private sealed class Inner(Steps steps) : ITaskMiddleware
    {
        public async Task<object?> InvokeAsync(TaskContext context, Func<Task<object?>> next)
        {
            steps.Enqueue("inner before");
            int result = (int)(await next())!;
            steps.Enqueue($"inner after {result}");
            return result + 1;
        }
    }

    private sealed class Rejecting : ITaskMiddleware
    {
        public Task<object?> InvokeAsync(TaskContext context, Func<Task<object?>> next) => throw new TaskRejectedException("not for this tenant");
    }

    private sealed class Caching : ITaskMiddleware
    {
        public Task<object?> InvokeAsync(TaskContext context, Func<Task<object?>> next) => Task.FromResult<object?>(17);
    }

    private sealed class Twice : ITaskMiddleware
    {
        public async Task<object?> InvokeAsync(TaskContext context, Func<Task<object?>> next)
        {
            await next();
            return await next();
        }
    }
}
