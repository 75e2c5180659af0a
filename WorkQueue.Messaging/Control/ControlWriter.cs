using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Control;

/// <summary>Says something to all workers, by the control log.</summary>
internal sealed class ControlWriter(IPublisher publisher, TaskTopology topology, IOptions<WorkQueueOptions> options)
{
    /// <summary>Who says it: what this process hears from itself it has done already.</summary>
    public string Greeting { get; } = Guid.NewGuid().ToString("N");

    /// <summary>Returns when the broker has confirmed it.</summary>
    /// <param name="entry">What.</param>
    /// <param name="cancellationToken">Stops the waiting.</param>
    /// <param name="limit">How long to wait; as long as for any publish if not given.</param>
    /// <exception cref="BrokerUnavailableException">The broker did not confirm.</exception>
    public Task SayAsync(ControlEntry entry, CancellationToken cancellationToken, TimeSpan? limit = null) =>
        publisher.SayAsync(entry.Write(topology), limit ?? options.Value.ConfirmTimeout, cancellationToken);
}
