using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Messaging.Connections;

/// <summary>
/// A program's turn to declare for the first time. A queue is there for others while the broker still makes it, and who publishes to it then
/// is refused (quorum queue) or loses the connection (stream), so that programs that start at once on an empty broker must not see each
/// other's half-made queues. An exclusive queue is the lock: it goes with the connection that holds it.
/// </summary>
internal sealed class DeclareTurn : IAsyncDisposable
{
    // Longer than any declare takes: better two at once than none, should the holder hang.
    private static readonly TimeSpan Longest = TimeSpan.FromSeconds(10);
    private static readonly TimeSpan Pause = TimeSpan.FromMilliseconds(50);

    private readonly IChannel? _channel;
    private readonly string _name;
    private readonly TimeProvider _clock;

    private DeclareTurn(IChannel? channel, string name, TimeProvider clock) => (_channel, _name, _clock) = (channel, name, clock);

    /// <summary>Waits for it.</summary>
    public static async Task<DeclareTurn> TakeAsync(IConnection connection, string name, TimeProvider clock, CancellationToken stopping)
    {
        long start = clock.GetTimestamp();
        while (clock.GetElapsedTime(start) < Longest)
        {
            IChannel channel = await Limits.OpenAsync(connection.CreateChannelAsync(null, CancellationToken.None), Limits.Rpc, clock, stopping);
            try
            {
                await channel.QueueDeclareAsync(name, durable: false, exclusive: true, autoDelete: true, cancellationToken: CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
                return new DeclareTurn(channel, name, clock);
            }
            catch (OperationInterruptedException taken) when (taken.ShutdownReason?.ReplyCode == Constants.ResourceLocked)
            {
                await Limits.DisposeAsync(channel, clock);
                await Task.Delay(Pause, clock, stopping);
            }
        }

        return new DeclareTurn(null, name, clock);
    }

    public async ValueTask DisposeAsync()
    {
        if (_channel is { IsOpen: true })
        {
            Task delete = _channel.QueueDeleteAsync(_name, false, false, CancellationToken.None);
            await delete.WaitAsync(Limits.Close, _clock).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }

        await Limits.DisposeAsync(_channel, _clock);
    }
}
