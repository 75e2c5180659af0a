using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The broker the fault tests share: they kill it, start it again with its data, freeze it and set alarms on it.</summary>
#pragma warning disable CA1001 // xunit calls IAsyncLifetime.DisposeAsync.
public sealed class FaultBroker : IFaultBroker, IAsyncLifetime
#pragma warning restore CA1001
{
    private readonly OwnedBroker? _broker = OwnedBroker.Missing is null ? OwnedBroker.Create() : null;
    private bool _running;
    private bool _frozen;

    public int Port => Broker.Port;

    public string ConnectionString => Broker.ConnectionString;

    private OwnedBroker Broker => _broker ?? throw new InvalidOperationException(OwnedBroker.Missing);

    public Task InitializeAsync() => Task.CompletedTask;

    public async Task DisposeAsync()
    {
        if (_broker is not null)
        {
            await _broker.DisposeAsync();
        }
    }

    /// <summary>Has the broker running, whatever an earlier test left behind.</summary>
    public async Task EnsureRunningAsync()
    {
        if (_frozen)
        {
            await ThawAsync();
        }

        if (!_running)
        {
            await StartAsync();
        }
    }

    /// <summary>Starts it, and returns when its port answers.</summary>
    public async Task StartAsync()
    {
        await Broker.StartAsync();
        _running = true;
    }

    /// <summary>Kills it as a power cut would.</summary>
    public async Task KillAsync()
    {
        _running = false;
        await Broker.KillAsync();
    }

    /// <summary>
    /// Has it write down the queues it has just got. A new quorum queue is registered in a file that RabbitMQ flushes half a second
    /// later; a kill before that loses the queue with all that is in it, whatever was confirmed.
    /// </summary>
    public Task FlushAsync() => ControlAsync("eval", "[ok = dets:sync(Table) || Table <- dets:all()].");

    /// <summary>Stops it from running: its connections stand, and nothing answers.</summary>
    public async Task FreezeAsync()
    {
        await Broker.FreezeAsync();
        _frozen = true;
    }

    /// <summary>Lets it run on.</summary>
    public async Task ThawAsync()
    {
        await Broker.ThawAsync();
        _frozen = false;
    }

    /// <summary>Runs <c>rabbitmqctl</c> on it.</summary>
    public Task ControlAsync(params string[] arguments) => Broker.ControlAsync(arguments);
}
