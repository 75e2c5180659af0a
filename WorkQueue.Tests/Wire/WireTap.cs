using System.Collections.Concurrent;
using System.Text;
using System.Text.Json.Nodes;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Wire;

/// <summary>Every message that is published on a broker, by its firehose: of each kind the first is kept.</summary>
internal sealed class WireTap : IAsyncDisposable
{
    private readonly ConcurrentDictionary<string, WireMessage> _seen = new(StringComparer.Ordinal);
    private readonly IReadOnlyList<string> _prefixes;
    private readonly IConnection _connection;

    private WireTap(IConnection connection, IReadOnlyList<string> prefixes) => (_connection, _prefixes) = (connection, prefixes);

    public IReadOnlyCollection<WireMessage> Seen => [.. _seen.Values];

    /// <summary>Begins to listen.</summary>
    /// <param name="broker">The broker, on which nobody else is.</param>
    /// <param name="prefixes">The prefixes of the queues, all of which are kept as <c>wq</c>.</param>
    public static async Task<WireTap> StartAsync(OwnedBroker broker, params string[] prefixes)
    {
        await broker.ControlAsync("trace_on");
        IConnection connection = await new ConnectionFactory { Uri = new Uri(broker.ConnectionString) }.CreateConnectionAsync("tap");
        WireTap tap = new(connection, prefixes);
        IChannel channel = await connection.CreateChannelAsync();
        string queue = (await channel.QueueDeclareAsync()).QueueName;
        await channel.QueueBindAsync(queue, "amq.rabbitmq.trace", "publish.#");
        AsyncEventingBasicConsumer consumer = new(channel);
        consumer.ReceivedAsync += (_, traced) =>
        {
            tap.Hear(traced);
            return Task.CompletedTask;
        };
        await channel.BasicConsumeAsync(queue, autoAck: true, consumer);
        return tap;
    }

    public ValueTask DisposeAsync() => _connection.DisposeAsync();

    private void Hear(BasicDeliverEventArgs traced)
    {
        IDictionary<string, object?> headers = traced.BasicProperties.Headers!;
        string exchange = Text(headers["exchange_name"]);
        string key = Text(((List<object?>)headers["routing_keys"]!)[0]);
        Dictionary<string, object?> properties = (Dictionary<string, object?>)headers["properties"]!;
        string body = Encoding.UTF8.GetString(traced.Body.Span);
        if (!_prefixes.Any(prefix => $"{exchange} {key}".Contains(prefix, StringComparison.Ordinal)) && exchange.Length > 0)
        {
            return;
        }

        JsonObject own = [];
        foreach ((string name, object? value) in properties.Where(property => property.Key != "headers"))
        {
            own[name] = value is byte[] text ? Plain(Encoding.UTF8.GetString(text)) : JsonValue.Create(value switch { AmqpTimestamp time => time.UnixTime, _ => Convert.ToInt64(value, System.Globalization.CultureInfo.InvariantCulture) });
        }

        JsonObject given = [];
        foreach ((string name, object? value) in properties.GetValueOrDefault("headers") as IDictionary<string, object?> ?? new Dictionary<string, object?>())
        {
            given[name] = value is byte[] text ? Plain(Encoding.UTF8.GetString(text)) : WireMessage.OfHeader(value);
        }

        WireMessage message = new(Plain(exchange), Plain(key), own, given, Plain(body));
        // Whether a permit is free is asked by a message that nobody reads.
        if (message.Exchange.Length > 0 || message.Properties.ContainsKey("type") || message.Properties.ContainsKey("correlation_id"))
        {
            _seen.TryAdd(message.Kind, message);
        }
    }

    // Neither prefix nor machine is any version's.
    private string Plain(string text) => _prefixes.Aggregate(text, (plain, prefix) => plain.Replace(prefix, "wq", StringComparison.Ordinal))
        .Replace($"{Environment.MachineName}-{Environment.ProcessId}", "worker-1", StringComparison.Ordinal).Replace($"\"host\":\"{Environment.MachineName}\"", "\"host\":\"host-1\"", StringComparison.Ordinal);

    private static string Text(object? value) => Encoding.UTF8.GetString((byte[])value!);
}
