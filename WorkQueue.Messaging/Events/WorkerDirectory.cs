using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using RabbitMQ.Client;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Events;

/// <summary>Listens to the heartbeats of workers on an exclusive queue of its own.</summary>
internal sealed class WorkerDirectory(
    [FromKeyedServices(ConnectionPurpose.Consume)] SupervisedConnection connection, TaskTopology topology, TimeProvider clock, ILogger<WorkerDirectory> logger)
    : BackgroundService, IWorkerDirectory
{
    private static readonly TimeSpan Forget = 3 * WorkerHeartbeat.Interval;

    private readonly ConcurrentDictionary<string, WorkerInfo> _workers = new(StringComparer.Ordinal);

    // Judged by when it came here: another machine's clock may differ.
    public IReadOnlyList<WorkerInfo> Current =>
        [.. _workers.Values.Where(worker => clock.GetUtcNow() - worker.LastSeen < Forget).OrderBy(worker => worker.Id, StringComparer.Ordinal)];

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        Backoff backoff = new(clock, TimeSpan.FromSeconds(4));
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await ListenAsync(backoff, stoppingToken);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }
#pragma warning disable CA1031 // Without heartbeats the list of workers is empty, which is seen; nothing else depends on it.
            catch (Exception failure)
#pragma warning restore CA1031
            {
                logger.StreamInterrupted(WorkerHeartbeat.Topic, failure.Message);
            }

            await backoff.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private async Task ListenAsync(Backoff backoff, CancellationToken stopping)
    {
        System.Diagnostics.Activity.Current = null;
        OpenConnection open = await connection.WaitOpenAsync(stopping);
        IChannel channel = await connection.OpenChannelAsync(null, stopping);
        try
        {
            TaskCompletionSource<string> ended = new(TaskCreationOptions.RunContinuationsAsynchronously);
            channel.ChannelShutdownAsync += (_, shutdown) =>
            {
                ended.TrySetResult(shutdown.ReplyText);
                return Task.CompletedTask;
            };
            QueueDeclareOk queue = await channel.QueueDeclareAsync("", durable: false, exclusive: true, autoDelete: true, cancellationToken: CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
            await channel.QueueBindAsync(queue.QueueName, topology.EventsExchange, WorkerHeartbeat.Topic, cancellationToken: CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
            await channel.BasicConsumeAsync(queue.QueueName, autoAck: true, new Listener(channel, this), CancellationToken.None).WaitAsync(Limits.Rpc, clock, stopping);
            backoff.Opened();
            await Task.WhenAny(ended.Task, open.Lost).WaitAsync(stopping);
        }
        finally
        {
            _ = Limits.DisposeAsync(channel, clock);
        }
    }

    private sealed class Listener(IChannel channel, WorkerDirectory directory) : AsyncDefaultBasicConsumer(channel)
    {
        public override Task HandleBasicDeliverAsync(
            string consumerTag, ulong deliveryTag, bool redelivered, string exchange, string routingKey,
            IReadOnlyBasicProperties properties, ReadOnlyMemory<byte> body, CancellationToken cancellationToken = default)
        {
            if (WorkerHeartbeat.Read(body) is { } worker)
            {
                directory._workers[worker.Id] = worker with { LastSeen = directory.CurrentTime() };
                directory.ForgetGone();
            }

            return Task.CompletedTask;
        }
    }

    private DateTimeOffset CurrentTime() => clock.GetUtcNow();

    private void ForgetGone()
    {
        foreach (WorkerInfo gone in _workers.Values.Where(worker => clock.GetUtcNow() - worker.LastSeen > 20 * Forget))
        {
            _workers.TryRemove(gone.Id, out _);
        }
    }
}
