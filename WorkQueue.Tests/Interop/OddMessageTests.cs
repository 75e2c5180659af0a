using System.Collections.Concurrent;
using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Board.ReadModel;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Board.ReadModel.Store;
using WorkQueue.Messaging;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Unit.History;

namespace WorkQueue.Tests.Interop;

/// <summary>Whatever other programs put into our queues ends once, and stops nothing of ours.</summary>
[Collection(BrokerTests.Name)]
public sealed partial class OddMessageTests(BrokerFixture broker) : IAsyncLifetime, IDisposable
{
    private const int Healthy = 1000;
    private const int Odd = 300;
    private static readonly TimeSpan Limit = TimeSpan.FromMinutes(2);
    private static readonly string[] Libraries = ["pika", "aio-pika"];

    private readonly string _adopted = $"task_queue_{Guid.NewGuid():N}";
    private readonly ConcurrentQueue<string> _succeeded = new();
    private readonly ConcurrentQueue<string> _endedInHistory = new();
    private readonly TaskProjection _board = new(TaskDatabase.Open(TaskDatabase.Memory, _ => { }), 1_000_000, TimeProvider.System);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (TestEnvironment.ExternalBroker is not null || OwnedBroker.Missing is null)
        {
            await using IConnection connection = await broker.ConnectAsync();
            await using IChannel channel = await connection.CreateChannelAsync();
            await channel.QueueDeleteAsync(_adopted);
        }
    }

    [PythonFact]
    public async Task Among_healthy_tasks_each_ends_once_nobody_loses_a_connection_and_the_board_adds_up()
    {
        await using TestQueue queue = new(
            broker, ("Queues:tutorial:Name", _adopted), ("Queues:tutorial:Type", "classic"), ("Queues:tutorial:DefaultType", "probe"), ("Queues:default:DefaultType", "probe"),
            ("Worker:Queues", "default, tutorial"), ("Worker:Concurrency", "4"), ("Retry:Delays:0", "00:00:00.250"), ("Worker:UnknownTypeGrace", "00:00:00"));
        ITaskQueue producer = await queue.ProducerAsync();
        using CancellationTokenSource end = new();
        Task following = FollowAsync(queue.Last.Services.GetRequiredService<ITaskHistory>(), end.Token);
        IHost[] workers = [await queue.WorkerAsync(RunAsync), await queue.WorkerAsync(RunAsync)];

        (List<OddMessage> odd, List<string> healthy) = await SendAsync(queue, producer);
        Task all = Eventually.TrueAsync(async () => await LeftAsync(queue) == 0 && Wrong(odd).Count == 0, "everything has ended", Limit);
        await Task.WhenAny(all);
        Assert.Equal("", string.Join('\n', Wrong(odd)));
        await all;
        Assert.Equal(Enumerable.Range(0, Healthy).Select(Text), _succeeded.Where(text => text.StartsWith("healthy", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal("", string.Join('\n', queue.Logged.Where(line => line.Contains("was lost", StringComparison.Ordinal))));
        Assert.Equal(0u, await queue.ReadyAsync("unreadable"));

        await UnreadableOnesAreSetAsideAsync(queue, producer);
        // What somebody still held would be back now.
        await Task.WhenAll(workers.Select(worker => worker.StopAsync()));
        Assert.Equal(0u, await LeftAsync(queue));
        await BoardAddsUpAsync(queue, odd, healthy);
        await end.CancelAsync();
        await following;
    }

    private async Task UnreadableOnesAreSetAsideAsync(TestQueue queue, ITaskQueue producer)
    {
        string[] printed = await OtherProgram.RunAsync(PythonFactAttribute.Python, Arguments("pika", queue, "unreadable"));
        Assert.All(printed.Select(OddMessage.Read), message => Assert.True(message.IsAccepted, message.What));
        await EnqueueAsync(producer, Healthy, 20);
        await Eventually.EqualAsync(printed.Length, async () => await queue.ReadyAsync("unreadable"), "each is set aside");
        await Eventually.TrueAsync(() => Enumerable.Range(Healthy, 20).All(number => _succeeded.Contains(Text(number))), "the healthy ones behind them run");
        await Eventually.TrueAsync(async () => await LeftAsync(queue) == 0, "the queues are empty");
    }

    public void Dispose() => _board.Dispose();

    private async Task BoardAddsUpAsync(TestQueue queue, List<OddMessage> odd, List<string> healthy)
    {
        // The broker tells nobody what it throws away in a queue without dead letters: it seems to be queued still.
        string[] vanished = [.. odd.Where(message => message is { IsAccepted: true, Vanishes: true, ByExchange: true } && EndsOf(message) == 0).Select(message => message.BoardId)];
        List<(string Queue, string Id)> letters = [.. await DrainAsync(queue, "default"), .. await DrainAsync(queue, "tutorial")];
        Task read = Eventually.TrueAsync(() => Records.LettersOf(_board).Count == letters.Count && _board.Counts().Pending == vanished.Length, "the history is read");
        await Task.WhenAny(read);
        Assert.Equal("", string.Join('\n', Open().Except(vanished)));
        await read;
        Assert.Equal(letters.Order(), Records.LettersOf(_board).Select(letter => (letter.Queue, letter.Id)).Order());
        Assert.All(healthy, id => Assert.Equal(TaskState.Succeeded, _board.Find(id)?.State));
        IEnumerable<OddMessage> known = odd.Where(message => message.IsAccepted && message.Id.Length > 0 && (EndsOf(message) > 0 || message.ByExchange));
        Assert.All(known, message => Assert.True(HasEnded(_board.Find(message.BoardId)) != vanished.Contains(message.BoardId), $"{_board.Find(message.BoardId)?.State}: {message.What}"));
    }

    private async Task<(List<OddMessage> Odd, List<string> Healthy)> SendAsync(TestQueue queue, ITaskQueue producer)
    {
        const int AtOnce = 10;
        List<string> healthy = [];
        await using OtherProgram pika = OtherProgram.Start(PythonFactAttribute.Python, Arguments(Libraries[0], queue));
        await using OtherProgram aioPika = OtherProgram.Start(PythonFactAttribute.Python, Arguments(Libraries[1], queue));
        for (int sent = 0; sent < Healthy; sent += AtOnce)
        {
            await Eventually.TrueAsync(() => pika.Output.Count + aioPika.Output.Count >= sent * Odd / Healthy, $"odd messages come ({string.Join('\n', pika.Errors.Concat(aioPika.Errors))})");
            healthy.AddRange(await EnqueueAsync(producer, sent, AtOnce));
        }

        Assert.Equal((0, 0), (await pika.EndAsync(Limit), await aioPika.EndAsync(Limit)));
        List<OddMessage> odd = [.. pika.Output.Concat(aioPika.Output).Select(OddMessage.Read)];
        Assert.Equal(Odd, odd.Count);
        // What the broker refuses to all of its senders is not what this is about.
        Assert.InRange(odd.Count(message => message.IsAccepted), Odd * 3 / 4, Odd);
        return (odd, healthy);
    }

    private static async Task<string[]> EnqueueAsync(ITaskQueue producer, int first, int count)
    {
        IReadOnlyList<EnqueueResult> sent = await producer.EnqueueManyAsync([.. Enumerable.Range(first, count).Select(number => new NewTask
        {
            Type = "probe", Queue = number % 2 == 0 ? "default" : "tutorial", Body = JsonSerializer.SerializeToUtf8Bytes(Text(number)), ContentType = "application/json",
        })]);
        Assert.All(sent, result => Assert.Null(result.Error));
        return [.. sent.Select(result => result.Task!.Id)];
    }

    private async Task FollowAsync(ITaskHistory history, CancellationToken end)
    {
        try
        {
            await foreach (IReadOnlyList<HistoryRecord> group in history.FollowAsync(null, end))
            {
                _board.Apply(group);
                foreach (HistoryRecord record in group.Where(record => record is { Kind: HistoryKind.State, State: TaskState.DeadLettered or TaskState.Cancelled }))
                {
                    _endedInHistory.Enqueue(MarkerIn($"{record.TaskId} {record.Type} {Encoding.Latin1.GetString(record.Body.Span)}"));
                }
            }
        }
        catch (OperationCanceledException) when (end.IsCancellationRequested)
        {
            // The test is over.
        }
    }

    private Task<object?> RunAsync(string text, TaskContext context)
    {
        if (text.Contains("fail", StringComparison.Ordinal))
        {
            throw new InvalidOperationException(text.Length > 100 ? text[..100] : text);
        }

        _succeeded.Enqueue(text.StartsWith("healthy", StringComparison.Ordinal) ? text : MarkerIn($"{context.Id} {context.Type} {text}"));
        return Task.FromResult<object?>(null);
    }

    // Those that ended otherwise than once; for a copy each, where the broker makes copies.
    private List<string> Wrong(List<OddMessage> odd)
    {
        List<string> wrong = [];
        foreach (OddMessage message in odd)
        {
            int ends = EndsOf(message);
            // The broker may have taken one that it could not confirm, and throws away what expires where there are no dead letters.
            if (ends > message.Copies || (ends < message.Copies && message is { IsAccepted: true, Vanishes: false }))
            {
                wrong.Add($"{message.Marker} ended {ends} times, not {message.Copies}: {message.What}");
            }
        }

        return wrong;
    }

    private int EndsOf(OddMessage message) => _succeeded.Count(marker => marker == message.Marker) + _endedInHistory.Count(marker => marker == message.Marker);

    private async Task<uint> LeftAsync(TestQueue queue)
    {
        await using IChannel channel = await queue.PlainChannelAsync();
        DelayLadder ladder = new(queue.Prefix);
        uint left = 0;
        foreach (string name in (string[])[_adopted, $"{queue.Prefix}.default", ladder.Unrouted, .. Enumerable.Range(0, DelayLadder.Levels).Select(ladder.Level)])
        {
            left += await channel.MessageCountAsync(name);
        }

        return left;
    }

    private static async Task<List<(string Queue, string Id)>> DrainAsync(TestQueue queue, string name)
    {
        await using IChannel channel = await queue.PlainChannelAsync();
        List<(string Queue, string Id)> letters = [];
        while (await channel.BasicGetAsync($"{queue.Prefix}.{name}.dead", autoAck: true) is { } letter)
        {
            IDictionary<string, object?>? headers = letter.BasicProperties.Headers;
            letters.Add((name, letter.BasicProperties.MessageId ?? ""));
            // Here, not in the history: a stream leaves out the list of deaths, where alone the broker tells its reason if the sender had made up one.
            Assert.NotEqual("no reason given", TaskHeaders.Text(headers, TaskHeaders.Reason) ?? TaskHeaders.BrokerReason(headers));
        }

        return letters;
    }

    private IEnumerable<string> Open() => _board.List(new TaskQuery { Limit = 10 * (Healthy + Odd) }).Items.Where(task => !HasEnded(task)).Select(task => task.Id);

    private static bool HasEnded(TaskView? task) => task is { State: TaskState.Succeeded or TaskState.DeadLettered or TaskState.Cancelled };

    private string[] Arguments(string library, TestQueue queue, params string[] wanted) =>
        ["Interop/odd_messages.py", broker.ConnectionString, library, _adopted, queue.Prefix, .. wanted];

    private static string Text(int number) => $"healthy {number:0000}";

    private static string MarkerIn(string text) => Marker().Match(text).Value;

    [GeneratedRegex("odd-[0-9]{3}")]
    private static partial Regex Marker();

    /// <summary>What the program says of a message it sent.</summary>
    /// <param name="Marker">What is to be found in it, whatever is odd.</param>
    /// <param name="IsAccepted">The broker has confirmed it.</param>
    /// <param name="Copies">How many the broker makes of it.</param>
    /// <param name="Queue">Where it goes.</param>
    /// <param name="ByExchange">By the exchange, and so into the history.</param>
    /// <param name="Expires">Soon, by its own expiration.</param>
    /// <param name="Id">Its id; empty where it has none.</param>
    /// <param name="What">What is odd.</param>
    private sealed record OddMessage(string Marker, bool IsAccepted, int Copies, string Queue, bool ByExchange, bool Expires, string Id, string What)
    {
        public bool Vanishes => Expires && (Queue == "tutorial" || Copies > 1);

        public string BoardId => TaskHeaders.ShortString(Id)!;

        public static OddMessage Read(string line) => JsonSerializer.Deserialize<OddMessage>(line, JsonSerializerOptions.Web)!;
    }
}
