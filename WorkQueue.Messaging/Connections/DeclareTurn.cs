using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Messaging.Connections;

/// <summary>
/// A program's turn to declare for the first time. A queue is there for others while the broker still makes it, and who publishes to it then
/// is refused (quorum queue) or loses the connection (stream), so that programs that start at once on an empty broker must not see each
/// other's half-made queues. Whoever wants a turn puts a token into a queue of which one consumer at a time gets anything, and holds the
/// token it gets until it has declared.
/// </summary>
internal sealed class DeclareTurn : IAsyncDisposable
{
    // Longer than any declare takes: better two at once than none, should the holder hang.
    public static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);

    private static readonly Dictionary<string, object?> Arguments = new()
    {
        ["x-single-active-consumer"] = true,
        // It goes by itself when nobody has started for a while, and with it the tokens of those that died.
        ["x-expires"] = 60_000,
    };

    private readonly IChannel _channel;
    private readonly TimeProvider _clock;

    private DeclareTurn(IChannel channel, TimeProvider clock) => (_channel, _clock) = (channel, clock);

    /// <summary>Waits for it. Without one where the broker has no place for the tokens, or the one before does not end.</summary>
    public static async Task<DeclareTurn> TakeAsync(IConnection connection, string queue, TimeProvider clock, CancellationToken stopping)
    {
        IChannel channel = await Limits.OpenAsync(connection.CreateChannelAsync(null, CancellationToken.None), Limits.Rpc, clock, stopping);
        DeclareTurn turn = new(channel, clock);
        try
        {
            await turn.WaitAsync(queue).WaitAsync(Longest, clock, stopping);
        }
        catch (Exception failure) when (failure is TimeoutException or OperationInterruptedException && connection.IsOpen)
        {
            // Declaring beside others is right nearly always.
        }
        catch
        {
            await turn.DisposeAsync();
            throw;
        }

        return turn;
    }

    // A token that is not acknowledged goes back when the channel is closed; acknowledged it would be missed by nobody either, since each brings its own.
    public async ValueTask DisposeAsync() => await Limits.DisposeAsync(_channel, _clock);

    private async Task WaitAsync(string queue)
    {
        TaskCompletionSource got = new(TaskCreationOptions.RunContinuationsAsynchronously);
        await _channel.QueueDeclareAsync(queue, durable: true, exclusive: false, autoDelete: false, Arguments, cancellationToken: CancellationToken.None);
        await _channel.BasicQosAsync(0, 1, global: false, CancellationToken.None);
        await _channel.BasicPublishAsync("", queue, ReadOnlyMemory<byte>.Empty, CancellationToken.None);
        AsyncEventingBasicConsumer consumer = new(_channel);
        consumer.ReceivedAsync += (_, _) =>
        {
            got.TrySetResult();
            return Task.CompletedTask;
        };
        await _channel.BasicConsumeAsync(queue, autoAck: false, consumer, CancellationToken.None);
        await got.Task;
    }
}
