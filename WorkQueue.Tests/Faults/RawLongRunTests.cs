using System.Globalization;
using RabbitMQ.Client;
using RabbitMQ.Client.Events;
using RabbitMQ.Client.Exceptions;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>
/// What a cluster keeps of confirmed messages while its nodes are killed, without anything of this queue: the client alone publishes to a quorum queue and
/// acknowledges what comes, for as many minutes as <c>WORKQUEUE_RAW_RUN</c> says. It tells whose fault a loss is (docs/compatibility.md).
/// </summary>
[Collection(FaultSuite.Name)]
public sealed class RawLongRunTests(FaultCluster cluster, FaultReport report) : IClassFixture<FaultCluster>
{
    private const string Queue = "raw";
    private const int Publishers = 4;
    private const int Batch = 100;
    private const int Connections = 3;
    private const int Channels = 16;
    private const int MostWaiting = 20_000;
    private static readonly double Minutes = double.Parse(Environment.GetEnvironmentVariable("WORKQUEUE_RAW_RUN") ?? "0", CultureInfo.InvariantCulture);

    private readonly Ledger _ledger = new();
    private int _next;
    private volatile bool _hasEnded;

    [RawRunFact]
    public async Task Nothing_that_was_confirmed_is_lost()
    {
        await cluster.EnsureRunningAsync();
        await DeclareAsync();
        using CancellationTokenSource ending = new();
        Task[] consuming = [.. Enumerable.Range(0, Connections).Select(_ => Task.Run(() => ConsumeAsync(ending.Token)))];
        Task[] publishing = [.. Enumerable.Range(0, Publishers).Select(_ => Task.Run(PublishAsync))];
        long begun = TimeProvider.System.GetTimestamp();
        int kills = 0;
        for (; TimeProvider.System.GetElapsedTime(begun) < TimeSpan.FromMinutes(Minutes); kills++)
        {
            await Task.Delay(TimeSpan.FromSeconds(Random.Shared.Next(1, 8)), TimeProvider.System);
            ClusterNode node = cluster.Nodes[Random.Shared.Next(cluster.Nodes.Count)];
            await node.KillAsync();
            await Task.Delay(TimeSpan.FromSeconds(5), TimeProvider.System);
            await cluster.StartAsync(node);
        }

        _hasEnded = true;
        await Task.WhenAll(publishing);
        await _ledger.AllComeAsync();
        await ending.CancelAsync();
        await Task.WhenAll(consuming);
        report.Add("cluster of three, the client alone", _ledger.Close(await WaitingAsync(), []), string.Create(CultureInfo.InvariantCulture, $"{Minutes:0} min; {kills} brokers killed"));
    }

    private async Task DeclareAsync()
    {
        await using IConnection connection = await ConnectAsync(CancellationToken.None);
        await using IChannel channel = await connection.CreateChannelAsync();
        await channel.QueueDeclareAsync(Queue, durable: true, exclusive: false, autoDelete: false, new Dictionary<string, object?> { ["x-queue-type"] = "quorum" });
    }

    // What a consumer held is back in the queue when its connection is closed.
    private async Task<IReadOnlyCollection<string>> WaitingAsync()
    {
        await using IConnection connection = await ConnectAsync(CancellationToken.None);
        await using IChannel channel = await connection.CreateChannelAsync();
        HashSet<string> ids = [];
        while (await channel.BasicGetAsync(Queue, autoAck: true) is { } message)
        {
            ids.Add(message.BasicProperties.MessageId!);
        }

        return ids;
    }

    private async Task PublishAsync()
    {
        List<string> left = [];
        while (!_hasEnded || left.Count > 0)
        {
            await using IConnection connection = await ConnectAsync(CancellationToken.None);
            try
            {
                await using IChannel channel = await connection.CreateChannelAsync(new CreateChannelOptions(publisherConfirmationsEnabled: true, publisherConfirmationTrackingEnabled: true));
                do
                {
                    await Eventually.TrueAsync(() => _ledger.Confirmed - _ledger.Succeeded < MostWaiting, "fewer wait", TimeSpan.FromMinutes(5));
                    left = left.Count > 0 ? left : [.. Enumerable.Range(0, Batch).Select(_ => Interlocked.Increment(ref _next).ToString(CultureInfo.InvariantCulture))];
                    bool[] confirmed = await Task.WhenAll(left.Select(id => TryPublishAsync(channel, id)));
                    left = [.. left.Where((_, place) => !confirmed[place])];
                }
                while (left.Count == 0 && !_hasEnded);
            }
            catch (Exception failure) when (IsLost(failure))
            {
            }
        }
    }

    private async Task<bool> TryPublishAsync(IChannel channel, string id)
    {
        try
        {
            await channel.BasicPublishAsync("", Queue, mandatory: true, new BasicProperties { Persistent = true, MessageId = id }, new byte[200]).AsTask().WaitAsync(TimeSpan.FromSeconds(10));
            _ledger.Confirm(id);
            return true;
        }
        catch (Exception failure) when (IsLost(failure))
        {
            return false;
        }
    }

    private async Task ConsumeAsync(CancellationToken ending)
    {
        while (!ending.IsCancellationRequested)
        {
            try
            {
                await using IConnection connection = await ConnectAsync(ending);
                TaskCompletionSource lost = new(TaskCreationOptions.RunContinuationsAsynchronously);
                connection.ConnectionShutdownAsync += (_, _) => Told(lost);
                for (int number = 0; number < Channels; number++)
                {
                    IChannel channel = await connection.CreateChannelAsync(cancellationToken: ending);
                    channel.ChannelShutdownAsync += (_, _) => Told(lost);
                    await channel.BasicQosAsync(0, 1, global: false, ending);
                    AsyncEventingBasicConsumer consumer = new(channel);
                    // Counted before it is acknowledged: what was acknowledged has been seen.
                    consumer.ReceivedAsync += async (_, delivery) =>
                    {
                        _ledger.Start();
                        _ledger.Succeed(delivery.BasicProperties.MessageId!);
                        await channel.BasicAckAsync(delivery.DeliveryTag, multiple: false);
                    };
                    await channel.BasicConsumeAsync(Queue, autoAck: false, consumer, ending);
                }

                await lost.Task.WaitAsync(ending);
            }
            catch (Exception failure) when (IsLost(failure))
            {
            }
        }
    }

    private async Task<IConnection> ConnectAsync(CancellationToken ending)
    {
        while (true)
        {
            try
            {
                AmqpTcpEndpoint[] nodes = [.. cluster.Nodes.Select(node => new AmqpTcpEndpoint(new Uri(node.ConnectionString)))];
                Random.Shared.Shuffle(nodes);
                return await new ConnectionFactory { AutomaticRecoveryEnabled = false }.CreateConnectionAsync(nodes, "raw", ending);
            }
            catch (BrokerUnreachableException)
            {
                await Task.Delay(TimeSpan.FromMilliseconds(300), TimeProvider.System, ending);
            }
        }
    }

    private static Task Told(TaskCompletionSource source)
    {
        source.TrySetResult();
        return Task.CompletedTask;
    }

    private static bool IsLost(Exception failure) =>
        failure is RabbitMQClientException or IOException or OperationCanceledException or TimeoutException or ObjectDisposedException or InvalidOperationException;

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class RawRunFactAttribute : FactAttribute
    {
        public RawRunFactAttribute() => Skip = Minutes > 0 ? new ClusterFactAttribute().Skip : "Takes minutes: WORKQUEUE_RAW_RUN=7 ./test.sh --filter RawLongRunTests.";
    }
}
