using System.Text;
using System.Text.Json;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>
/// The RabbitMQ client by itself, used as well as it can be: persistent and mandatory messages, confirms tracked by the client with many in
/// flight, a channel per consumer, manual acknowledgements; payloads are written and read as JSON, as a task's are. With history it sends the same records in the same way as ours.
/// </summary>
internal sealed class RawClient(Stage stage, bool history = false) : ISubject
{
    private const string Exchange = "raw.exchange";
    private const string Events = "raw.events";
    private const string Stream = "raw.history";

    // New ones for each publish: the client writes into them.
    private static BasicProperties Persistent => new() { Persistent = true, ContentType = "application/json", Type = "noop", MessageId = "01a1fc80-1f02-7ce9-a264-9d53346c035d" };

    /// <summary>Whether its messages say of themselves what ours do: an id of their own, when they were sent, and three headers.</summary>
    public bool IsLabelled { get; init; }

    /// <summary>How many messages a consumer may hold.</summary>
    public ushort Prefetch { get; init; } = 1;

    /// <summary>How many messages it acknowledges at once.</summary>
    public int AtOnce { get; init; } = 1;

    /// <summary>One channel for all its consumers, not one for each; its handlers run side by side all the same.</summary>
    public bool SharesChannel { get; init; }

    /// <summary>On a classic queue, for the comparison with peers that know no other.</summary>
    public bool IsClassic { get; init; }

    private string Queue => IsClassic ? "raw.classic" : "raw.tasks";

    public Task PrepareAsync() => stage.OnChannelAsync(async channel =>
    {
        await channel.ExchangeDeclareAsync(Exchange, ExchangeType.Direct, durable: true);
        await channel.ExchangeDeclareAsync(Events, ExchangeType.Topic, durable: true);
        await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false, IsClassic ? Stage.Classic : Stage.Quorum);
        await channel.QueueBindAsync(Queue, Exchange, Queue);
        if (history)
        {
            await channel.QueueDeclareAsync(Stream, durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?> { ["x-queue-type"] = "stream" });
            await channel.QueueBindAsync(Stream, Exchange, Queue);
            await channel.QueueBindAsync(Stream, Events, "#");
        }
        else
        {
            await channel.QueueDeleteAsync(Stream);
        }

        await channel.QueuePurgeAsync(Queue);
    });

    public Task ClearAsync() => stage.OnChannelAsync(channel => channel.QueuePurgeAsync(Queue));

    public Task<double> EnqueueAsync(string payload, Func<Func<Task>, Task<double>> measure) =>
        OnConfirmsAsync(channel => measure(() => PublishAsync(channel, payload)));

    public async Task FillAsync(int count, Func<int, string> payload, int callers = 256)
    {
        int number = -1;
        await OnConfirmsAsync(async channel =>
        {
            await Load.TimesAsync(callers, count, () => PublishAsync(channel, payload(Interlocked.Increment(ref number))));
            return count;
        });
    }

    /// <summary>Something on a channel whose publishes wait for their confirms.</summary>
    public async Task<T> OnConfirmsAsync<T>(Func<IChannel, Task<T>> act)
    {
        await using IConnection connection = await stage.ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync(Stage.Confirms);
        return await act(channel);
    }

    public async Task ConsumeAsync(int slots, Tally tally, Func<string, Task>? work = null)
    {
        await using IConnection connection = await stage.ConnectAsync();
        await using IConnection? publishing = history ? await stage.ConnectAsync() : null;
        await using IChannel? events = publishing is null ? null : await publishing.CreateChannelAsync(Stage.Confirms);
        List<IChannel> channels = [];
        for (int i = 0; i < slots; i++)
        {
            IChannel channel = SharesChannel && i > 0 ? channels[0] : await connection.CreateChannelAsync(new CreateChannelOptions(false, false, consumerDispatchConcurrency: SharesChannel ? (ushort)slots : (ushort)1));
            channels.Add(channel);
            await channel.BasicQosAsync(0, Prefetch, global: false);
            AsyncEventingBasicConsumer consumer = new(channel);
            consumer.ReceivedAsync += async (_, delivery) =>
            {
                string payload = JsonSerializer.Deserialize<string>(delivery.Body.Span)!;
                if (work is not null)
                {
                    await work(payload);
                }

                tally.Mark();
                if (events is not null)
                {
                    await events.BasicPublishAsync(Events, "task.default.noop.succeeded", mandatory: false, Persistent, ReadOnlyMemory<byte>.Empty);
                }

                if (delivery.DeliveryTag % (ulong)AtOnce == 0)
                {
                    await channel.BasicAckAsync(delivery.DeliveryTag, multiple: AtOnce > 1);
                }
            };
            await channel.BasicConsumeAsync(Queue, autoAck: false, consumer);
        }

        await tally.All;
        foreach (IChannel channel in channels)
        {
            await channel.DisposeAsync();
        }
    }

    public async Task<double[]> LatencyAsync(int count, TimeSpan pause)
    {
        await using IConnection publishing = await stage.ConnectAsync();
        await using IChannel channel = await publishing.CreateChannelAsync(Stage.Confirms);
        Tally tally = new(count);
        Latencies latencies = new(count);
        Task consuming = ConsumeAsync(1, tally, stamp =>
        {
            latencies.Received(Encoding.ASCII.GetBytes(stamp));
            return Task.CompletedTask;
        });
        await latencies.SendAsync(pause, stamp => PublishAsync(channel, Encoding.ASCII.GetString(stamp.Span)));
        await consuming;
        return latencies.Milliseconds();
    }

    /// <summary>Publishes a payload to the queue, as JSON, and waits for the confirm.</summary>
    public Task PublishAsync(IChannel channel, string payload) =>
        channel.BasicPublishAsync(Exchange, Queue, mandatory: true, IsLabelled ? Labelled() : Persistent, JsonSerializer.SerializeToUtf8Bytes(payload)).AsTask();

    private static BasicProperties Labelled()
    {
        DateTimeOffset now = TimeProvider.System.GetUtcNow();
        return new BasicProperties
        {
            Persistent = true,
            ContentType = "application/json",
            Type = "noop",
            MessageId = Guid.CreateVersion7(now).ToString(),
            Timestamp = new AmqpTimestamp(now.ToUnixTimeSeconds()),
            Headers = new Dictionary<string, object?> { [TaskHeaders.Attempt] = 1, [TaskHeaders.Queue] = "default", [TaskHeaders.At] = now.ToUnixTimeMilliseconds() },
        };
    }
}
