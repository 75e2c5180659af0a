using System.Text;
using Microsoft.Extensions.Configuration;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>This queue, as a user has it: a host with <c>AddTaskQueue</c> or <c>AddTaskWorker</c>, and their defaults unless said otherwise.</summary>
internal sealed class Ours(Stage stage, HistoryMode history, params (string Key, string Value)[] settings)
{
    // A prefix per mode: what is bound to what must not change between the rounds.
    private readonly string _prefix = $"ours-{history}".ToLowerInvariant();

    /// <summary>Declares what is needed, and leaves the queue empty.</summary>
    public async Task PrepareAsync()
    {
        using (IHost host = await StartAsync(builder => builder.AddTaskQueue()))
        {
            // The first one returns when everything is declared.
            await host.Services.GetRequiredService<ITaskQueue>().EnqueueAsync(NewTask.Json("noop", ""));
            await host.StopAsync();
        }

        await stage.OnChannelAsync(channel => channel.QueuePurgeAsync($"{_prefix}.default"));
    }

    /// <summary>Confirmed tasks a second by so many callers that each wait for their confirm.</summary>
    public async Task<double> EnqueueAsync(int callers, string payload, TimeSpan time)
    {
        using IHost host = await StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = host.Services.GetRequiredService<ITaskQueue>();
        double rate = await Load.RateAsync(callers, time, () => queue.EnqueueAsync(NewTask.Json("noop", payload)));
        await host.StopAsync();
        return rate;
    }

    /// <summary>Confirmed tasks a second, handed over many at a time.</summary>
    public async Task<double> EnqueueManyAsync(int batch, string payload, TimeSpan time)
    {
        using IHost host = await StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = host.Services.GetRequiredService<ITaskQueue>();
        NewTask[] tasks = [.. Enumerable.Repeat(NewTask.Json("noop", payload), batch)];
        double rate = batch * await Load.RateAsync(1, time, () => queue.EnqueueManyAsync(tasks));
        await host.StopAsync();
        return rate;
    }

    /// <summary>Puts tasks into the queue.</summary>
    public async Task FillAsync(int count, Func<int, string> payload)
    {
        using IHost host = await StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = host.Services.GetRequiredService<ITaskQueue>();
        int number = -1;
        await Load.TimesAsync(256, count, () => queue.EnqueueAsync(NewTask.Json("noop", payload(Interlocked.Increment(ref number)))));
        await host.StopAsync();
    }

    /// <summary>Runs them.</summary>
    public async Task ConsumeAsync(int slots, Tally tally, Func<string, Task>? work = null, params (string Key, string Value)[] more)
    {
        using IHost host = await StartAsync(
            builder =>
            {
                builder.AddTaskWorker();
                builder.AddTaskHandler<string, Handler>("noop");
                builder.Services.AddSingleton(new Work(tally, work));
            },
            [("Worker:Concurrency", $"{slots}"), .. more]);
        await tally.All;
        await host.StopAsync();
    }

    /// <summary>Milliseconds from an enqueue to the handler, one task at a time.</summary>
    public async Task<double[]> LatencyAsync(int count, TimeSpan pause)
    {
        using IHost host = await StartAsync(builder => builder.AddTaskQueue());
        ITaskQueue queue = host.Services.GetRequiredService<ITaskQueue>();
        Latencies latencies = new(count);
        Tally tally = new(count);
        Task consuming = ConsumeAsync(1, tally, stamp =>
        {
            latencies.Received(Encoding.ASCII.GetBytes(stamp));
            return Task.CompletedTask;
        });
        await latencies.SendAsync(pause, stamp => queue.EnqueueAsync(NewTask.Json("noop", Encoding.ASCII.GetString(stamp.Span))));
        await consuming;
        await host.StopAsync();
        return latencies.Milliseconds();
    }

    private async Task<IHost> StartAsync(Action<IHostApplicationBuilder> add, params (string Key, string Value)[] more)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(null);
        builder.Configuration.AddInMemoryCollection(
        [
            KeyValuePair.Create("ConnectionStrings:rabbitmq", (string?)stage.ConnectionString),
            KeyValuePair.Create("WorkQueue:Prefix", (string?)_prefix),
            KeyValuePair.Create("WorkQueue:History", (string?)history.ToString()),
            .. settings.Concat(more).Select(setting => KeyValuePair.Create($"WorkQueue:{setting.Key}", (string?)setting.Value)),
        ]);
        add(builder);
        IHost host = builder.Build();
        await host.StartAsync();
        return host;
    }

    private sealed record Work(Tally Tally, Func<string, Task>? DoAsync);

    private sealed class Handler(Work work) : ITaskHandler<string>
    {
        public async Task<object?> HandleAsync(string payload, TaskContext context)
        {
            if (work.DoAsync is not null)
            {
                await work.DoAsync(payload);
            }

            work.Tally.Mark();
            return null;
        }
    }
}
