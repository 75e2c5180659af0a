using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;

namespace WorkQueue.Messaging.Topology;

/// <summary>Declares one thing after the other on a channel; or, where this program may declare nothing, finds that each is there.</summary>
/// <param name="channel">A channel that is used for nothing else: a refusal closes it.</param>
/// <param name="onlyFinds">Declares and binds nothing.</param>
/// <param name="cancellationToken">Stops it.</param>
internal sealed class Declaration(IChannel channel, bool onlyFinds, CancellationToken cancellationToken)
{
    public Task ExchangeAsync(string name, string type, Dictionary<string, object?>? arguments = null) => ReadRefusalAsync("exchange", name, onlyFinds
        ? channel.ExchangeDeclarePassiveAsync(name, cancellationToken)
        : channel.ExchangeDeclareAsync(name, type, durable: true, autoDelete: false, arguments, false, false, cancellationToken));

    public Task QueueAsync(string name, IReadOnlyDictionary<string, object?> arguments, bool asItIs = false) => ReadRefusalAsync("queue", name, onlyFinds || asItIs
        ? channel.QueueDeclarePassiveAsync(name, cancellationToken)
        : channel.QueueDeclareAsync(name, durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?>(arguments), false, false, cancellationToken));

    public Task BindAsync(string queue, string exchange, string key) => onlyFinds ? Task.CompletedTask : channel.QueueBindAsync(queue, exchange, key, null, false, cancellationToken);

    public Task UnbindAsync(string queue, string exchange, string key) => onlyFinds ? Task.CompletedTask : channel.QueueUnbindAsync(queue, exchange, key, null, cancellationToken);

    public Task BindExchangeAsync(string destination, string source, string key) =>
        onlyFinds ? Task.CompletedTask : channel.ExchangeBindAsync(destination, source, key, null, false, cancellationToken);

    private async Task ReadRefusalAsync(string kind, string name, Task declaring)
    {
        try
        {
            await declaring;
        }
        catch (OperationInterruptedException refusal) when (refusal.ShutdownReason is { ReplyCode: Constants.PreconditionFailed, ReplyText: { } text })
        {
            // "queue limit in vhost '/' (100) is reached": there is none to compare with.
            throw text.Contains("limit", StringComparison.Ordinal) && text.Contains("reached", StringComparison.Ordinal)
                ? BrokerRefusedException.AtLimit(kind, name, text, refusal)
                : TopologyMismatchException.Of(kind, name, text, refusal);
        }
        catch (OperationInterruptedException missing) when (onlyFinds && missing.ShutdownReason?.ReplyCode == Constants.NotFound)
        {
            throw BrokerRefusedException.MayNotDeclare(kind, name, missing);
        }
    }
}
