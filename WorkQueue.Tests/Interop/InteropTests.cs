using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Interop;

/// <summary>Programs in Python that know nothing of ours share queues and events with us, in both directions; every message is counted.</summary>
[Collection(BrokerTests.Name)]
public sealed class InteropTests(BrokerFixture broker) : IAsyncLifetime
{
    private const int Count = 200;
    private readonly string _name = $"task_queue_{Guid.NewGuid():N}";

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (TestEnvironment.ExternalBroker is not null || OwnedBroker.Missing is null)
        {
            await using IConnection connection = await broker.ConnectAsync();
            await using IChannel channel = await connection.CreateChannelAsync();
            await channel.QueueDeleteAsync(_name);
        }
    }

    [PythonFact]
    public Task What_pika_sends_our_worker_runs() => OursRunWhatTheySendAsync("pika_new_task.py", "pika");

    [PythonFact]
    public Task What_aio_pika_sends_our_worker_runs() => OursRunWhatTheySendAsync("aio_pika_new_task.py", "aio-pika");

    [PythonFact]
    public Task What_our_producer_sends_a_worker_with_pika_runs() => TheyRunWhatWeSendAsync("pika_worker.py");

    [PythonFact]
    public Task What_our_producer_sends_a_worker_with_aio_pika_runs() => TheyRunWhatWeSendAsync("aio_pika_worker.py");

    [PythonFact]
    public async Task Their_workers_and_ours_share_one_queue_that_all_of_them_declare()
    {
        await using TestQueue queue = Adopt();
        ITaskQueue producer = await queue.ProducerAsync();
        await using OtherProgram pika = Python("pika_worker.py", _name);
        await using OtherProgram aioPika = Python("aio_pika_worker.py", _name);
        await queue.WorkerAsync();
        await Eventually.EqualAsync(3, async () => await ConsumersAsync(queue), "all three consume");
        await SendAsync(producer);
        await RunAsync("pika_new_task.py", _name, $"{Count}");
        await RunAsync("aio_pika_new_task.py", _name, $"{Count}");
        await Eventually.TrueAsync(() => queue.Runs.All.Count + pika.Output.Count + aioPika.Output.Count >= 3 * Count, "every message is run");
        IEnumerable<string> all = queue.Runs.All.Select(run => run.Text).Concat(pika.Output).Concat(aioPika.Output);
        Assert.Equal(Expected("ours", "pika", "aio-pika"), all.Order(StringComparer.Ordinal));
        Assert.All([queue.Runs.All.Count, pika.Output.Count, aioPika.Output.Count], share => Assert.NotEqual(0, share));
    }

    [PythonFact]
    public async Task Amqp_publish_enqueues_a_text()
    {
        await using TestQueue queue = Adopt();
        await queue.WorkerAsync();
        await Eventually.EqualAsync(1, async () => await ConsumersAsync(queue), "the worker consumes");
        await OtherProgram.RunAsync("amqp-publish", ["--url", broker.ConnectionString, "-e", $"{queue.Prefix}.tasks", "-r", "tutorial", "-p", "-b", "by exchange"]);
        await OtherProgram.RunAsync("amqp-publish", ["--url", broker.ConnectionString, "-r", _name, "-p", "-b", "by queue"]);
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 2, "both are run");
        Assert.Equal(["by exchange", "by queue"], queue.Runs.All.Select(run => run.Text));
    }

    [PythonFact]
    public async Task Events_go_to_and_come_from_pika()
    {
        await using TestQueue queue = new(broker);
        ConcurrentQueue<string> got = [];
        IHost host = await queue.StartAsync(builder => builder.AddEventHandler<string>("kern.*", (text, context) =>
        {
            got.Enqueue($"{context.Topic} {text}");
            return Task.CompletedTask;
        }));
        await queue.LoggedAsync("Taking events for subscription kern.*");
        await using OtherProgram theirs = Python("pika_receive.py", $"{queue.Prefix}.events", "*.critical", "disk.#");
        await Eventually.TrueAsync(() => theirs.Output.Contains("listening"), "pika listens");
        await host.Services.GetRequiredService<ITaskEvents>().PublishAsync("kern.critical", "ours");
        await RunAsync("pika_emit.py", $"{queue.Prefix}.events", "kern.critical", "theirs", "theirs too");
        await RunAsync("pika_emit.py", $"{queue.Prefix}.events", "disk", "full");
        await Eventually.TrueAsync(() => got.Count == 3 && theirs.Output.Count == 5, "both have heard");
        Assert.Equal((string[])["kern.critical ours", "kern.critical theirs", "kern.critical theirs too"], got);
        Assert.Equal((string[])["listening", "kern.critical \"ours\"", "kern.critical theirs", "kern.critical theirs too", "disk full"], theirs.Output);
    }

    [PythonFact]
    public async Task A_caller_with_pika_gets_its_answer_from_our_worker()
    {
        await using TestQueue queue = Adopt();
        await queue.WorkerAsync((text, _) => Task.FromResult<object?>(new { text, length = text.Length }));
        await Eventually.EqualAsync(1, async () => await ConsumersAsync(queue), "the worker consumes");
        Assert.Equal(["""{"text":"hello","length":5}"""], await OtherProgram.RunAsync(PythonFactAttribute.Python, ["Interop/pika_call.py", broker.ConnectionString, _name, "hello"]));
    }

    private async Task OursRunWhatTheySendAsync(string program, string prefix)
    {
        await RunAsync(program, _name, $"{Count}");
        await using TestQueue queue = Adopt();
        await queue.WorkerAsync();
        // Theirs declare the queue again, now that ours has.
        await RunAsync(program, _name, "0");
        await Eventually.TrueAsync(() => queue.Runs.All.Count >= Count, "every message is run");
        Assert.Equal(Expected(prefix), queue.Runs.All.Select(run => run.Text).Order(StringComparer.Ordinal));
        Assert.Equal(Count, queue.Runs.All.Select(run => run.Context.Id).Distinct().Count());
    }

    private async Task TheyRunWhatWeSendAsync(string program)
    {
        await using TestQueue queue = Adopt();
        await SendAsync(await queue.ProducerAsync());
        await using OtherProgram theirs = Python(program, _name);
        await Eventually.TrueAsync(() => theirs.Output.Count >= Count, "every message is run");
        Assert.Equal(Expected("ours"), theirs.Output.Order(StringComparer.Ordinal));
        Assert.Empty(theirs.Errors);
    }

    private static async Task SendAsync(ITaskQueue producer)
    {
        IReadOnlyList<EnqueueResult> sent = await producer.EnqueueManyAsync([.. Enumerable.Range(0, Count).Select(number => NewTask.Text($"ours {number}") with { Queue = "tutorial" })]);
        Assert.All(sent, result => Assert.Null(result.Error));
    }

    private static IEnumerable<string> Expected(params string[] prefixes) =>
        prefixes.SelectMany(prefix => Enumerable.Range(0, Count).Select(number => $"{prefix} {number}")).Order(StringComparer.Ordinal);

    private async Task<uint> ConsumersAsync(TestQueue queue)
    {
        await queue.LoggedAsync("Connected to RabbitMQ");
        await using IChannel channel = await queue.PlainChannelAsync();
        return await channel.ConsumerCountAsync(_name);
    }

    private Task<string[]> RunAsync(string program, params string[] arguments) => OtherProgram.RunAsync(PythonFactAttribute.Python, [$"Interop/{program}", broker.ConnectionString, .. arguments]);

    private OtherProgram Python(string program, params string[] arguments) => OtherProgram.Start(PythonFactAttribute.Python, [$"Interop/{program}", broker.ConnectionString, .. arguments]);

    private TestQueue Adopt() => new(
        broker, ("Queues:tutorial:Name", _name), ("Queues:tutorial:Type", "classic"), ("Queues:tutorial:DefaultType", "probe"), ("Worker:Queues", "tutorial"));
}
