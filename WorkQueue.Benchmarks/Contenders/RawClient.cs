using RabbitMQ.Client;
using RabbitMQ.Client.Events;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>
/// The RabbitMQ client by itself, used as well as it can be: persistent and mandatory messages, confirms tracked by the client with many in
/// flight, a channel per consumer, manual acknowledgements. With history it sends the same records in the same way as ours.
/// </summary>
internal sealed class RawClient(Stage stage, bool history)
{
    private const string Queue = "raw.tasks";
    private const string Exchange = "raw.exchange";
    private const string Events = "raw.events";
    private const string Stream = "raw.history";

    private static readonly BasicProperties Persistent = new() { Persistent = true, ContentType = "text/plain", Type = "noop", MessageId = "01a1fc80-1f02-7ce9-a264-9d53346c035d" };

    /// <summary>Declares what is needed, and leaves the queue empty.</summary>
    public Task PrepareAsync() => stage.OnChannelAsync(async channel =>
    {
        await channel.ExchangeDeclareAsync(Exchange, ExchangeType.Direct, durable: true);
        await channel.ExchangeDeclareAsync(Events, ExchangeType.Topic, durable: true);
        await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false, Stage.Quorum);
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

    /// <summary>Confirmed messages a second by so many callers that each wait for their confirm.</summary>
    public async Task<double> PublishAsync(int callers, ReadOnlyMemory<byte> body, TimeSpan time)
    {
        await using IConnection connection = await stage.ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        return await Load.RateAsync(callers, time, () => channel.BasicPublishAsync(Exchange, Queue, mandatory: true, Persistent, body).AsTask());
    }

    /// <summary>Puts messages into the queue.</summary>
    public async Task FillAsync(int count, ReadOnlyMemory<byte> body)
    {
        await using IConnection connection = await stage.ConnectAsync();
        await using IChannel channel = await connection.CreateChannelAsync(new CreateChannelOptions(true, true));
        await Load.TimesAsync(256, count, () => channel.BasicPublishAsync(Exchange, Queue, mandatory: true, Persistent, body).AsTask());
    }

    /// <summary>Takes them out again, each consumer on a channel of its own.</summary>
    public async Task ConsumeAsync(int consumers, ushort prefetch, Tally tally, Func<ReadOnlyMemory<byte>, Task>? work = null)
    {
        await using IConnection connection = await stage.ConnectAsync();
        await using IConnection publishing = await stage.ConnectAsync();
        await using IChannel events = await publishing.CreateChannelAsync(new CreateChannelOptions(true, true));
        List<IChannel> channels = [];
        for (int i = 0; i < consumers; i++)
        {
            IChannel channel = await connection.CreateChannelAsync(new CreateChannelOptions(false, false, consumerDispatchConcurrency: 1));
            channels.Add(channel);
            await channel.BasicQosAsync(0, prefetch, global: false);
            AsyncEventingBasicConsumer consumer = new(channel);
            consumer.ReceivedAsync += async (_, delivery) =>
            {
                if (work is not null)
                {
                    await work(delivery.Body);
                }

                tally.Mark();
                if (history)
                {
                    await events.BasicPublishAsync(Events, "task.default.noop.succeeded", mandatory: false, Persistent, ReadOnlyMemory<byte>.Empty);
                }

                await channel.BasicAckAsync(delivery.DeliveryTag, multiple: false);
            };
            await channel.BasicConsumeAsync(Queue, autoAck: false, consumer);
        }

        await tally.All;
        foreach (IChannel channel in channels)
        {
            await channel.DisposeAsync();
        }
    }

    /// <summary>Milliseconds from a publish to the handler, one message at a time.</summary>
    public async Task<double[]> LatencyAsync(int count, TimeSpan pause)
    {
        await using IConnection publishing = await stage.ConnectAsync();
        await using IChannel channel = await publishing.CreateChannelAsync(new CreateChannelOptions(true, true));
        Tally tally = new(count);
        Latencies latencies = new(count);
        Task consuming = ConsumeAsync(1, 1, tally, body =>
        {
            latencies.Received(body.Span);
            return Task.CompletedTask;
        });
        await latencies.SendAsync(pause, stamp => channel.BasicPublishAsync(Exchange, Queue, mandatory: true, Persistent, stamp).AsTask());
        await consuming;
        return latencies.Milliseconds();
    }
}
