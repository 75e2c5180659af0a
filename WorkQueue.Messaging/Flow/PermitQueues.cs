using RabbitMQ.Client;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Publishing;

namespace WorkQueue.Messaging.Flow;

/// <summary>A permit is an exclusive queue: one connection can have it, and it goes with that.</summary>
internal sealed class PermitQueues(string prefix, IPublisher publisher, TimeProvider clock) : IPermitQueues
{
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(2);

    public async Task<bool> TryHoldAsync(OpenConnection open, int number, CancellationToken stopping) =>
        !await IsTakenAsync(number, stopping) && await TryKeepAsync(open, number, stopping);

    public Task<bool> TryKeepAsync(OpenConnection open, int number, CancellationToken stopping) => AskAsync(
        open, channel => channel.QueueDeclareAsync(NameOf(number), durable: false, exclusive: true, autoDelete: false, cancellationToken: CancellationToken.None), stopping);

    public Task ReleaseAsync(OpenConnection open, int number, CancellationToken stopping) => AskAsync(
        open, channel => channel.QueueDeleteAsync(NameOf(number), ifUnused: false, ifEmpty: false, cancellationToken: CancellationToken.None), stopping);

    // To declare what another connection has costs the channel, and is an error in the broker's log. A message that no queue takes says the same quietly;
    // one that is taken is gone at once.
    private async Task<bool> IsTakenAsync(int number, CancellationToken stopping)
    {
        BasicProperties gone = new() { Expiration = "0" };
        try
        {
            await publisher.PublishAsync(new OutgoingMessage("", NameOf(number), prefix, gone, ReadOnlyMemory<byte>.Empty), Patience, stopping);
            return true;
        }
        catch (PublishFailedException failure)
        {
            // Where nothing can be published it is tried all the same.
            return failure.Outcome == PublishOutcome.Refused;
        }
    }

    private async Task<bool> AskAsync(OpenConnection open, Func<IChannel, Task> ask, CancellationToken stopping)
    {
        IChannel channel = await open.OpenChannelAsync(null, clock, stopping);
        try
        {
            await ask(channel).WaitAsync(Limits.Rpc, clock, stopping);
            return true;
        }
        catch (OperationInterruptedException locked) when (locked.ShutdownReason?.ReplyCode == Constants.ResourceLocked)
        {
            return false;
        }
        finally
        {
            await Limits.DisposeAsync(channel, clock);
        }
    }

    private string NameOf(int number) => $"{prefix}.{number}";
}
