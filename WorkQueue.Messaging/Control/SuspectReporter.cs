using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Control;

/// <summary>Says of the tasks that were delivered to this process more than once which runs begin, and which have ended (docs/adr/0012).</summary>
internal sealed class SuspectReporter(SuspectRuns runs, ControlWriter writer, TaskTopology topology, TimeProvider clock, ILogger<SuspectReporter> logger) : BackgroundService
{
    private static readonly TimeSpan BeginLimit = TimeSpan.FromSeconds(2);
    private static readonly TimeSpan LastWords = TimeSpan.FromMilliseconds(300);
    private static readonly TimeSpan TellInterval = TimeSpan.FromMilliseconds(200);

    // A log that does not answer is not waited for by each of many.
    private static readonly TimeSpan Silence = TimeSpan.FromSeconds(30);

    private long _unsaidAt;

    /// <inheritdoc cref="SuspectRuns.OpenOf"/>
    public int OpenOf(TaskMessage message) => runs.OpenOf(message);

    /// <summary>Says that a run of a task that was delivered before begins here. Not for ever: where it cannot be said the run begins all the same.</summary>
    public async Task BeginAsync(TaskMessage message)
    {
        string key = SuspectRuns.KeyOf(message);
        runs.Begin(key);
        if (_unsaidAt != 0 && clock.GetElapsedTime(_unsaidAt) < Silence)
        {
            return;
        }

        try
        {
            await writer.SayAsync(ControlEntry.OfBegun(writer.Greeting, key), CancellationToken.None, BeginLimit).WaitAsync(BeginLimit, clock);
        }
        catch (Exception failure) when (failure is BrokerUnavailableException or TimeoutException)
        {
            _unsaidAt = clock.GetTimestamp();
            logger.StreamInterrupted(topology.History.ControlStream, failure.Message);
        }
    }

    /// <summary>This process has it no more, and lives: its run has ended in whatever way, or the delivery was lost. Said soon.</summary>
    public void End(TaskMessage message) => runs.End(message);

    public override async Task StopAsync(CancellationToken cancellationToken)
    {
        // The workers have stopped, and what they had no more is told while there is a connection.
        await TellEndedAsync(CancellationToken.None).WaitAsync(LastWords, clock, CancellationToken.None).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await base.StopAsync(cancellationToken);
    }

    protected override Task ExecuteAsync(CancellationToken stoppingToken) => Supervision.EveryAsync(TellInterval, TellEndedAsync, clock, stoppingToken);

    private async Task TellEndedAsync(CancellationToken cancellationToken)
    {
        while (runs.TakeUntold(ControlEntry.MaxIds) is { Count: > 0 } ended)
        {
            try
            {
                await writer.SayAsync(ControlEntry.OfLost(writer.Greeting, ended), cancellationToken);
            }
            catch (BrokerUnavailableException failure)
            {
                // Perhaps said: twice it would speak for another run.
                if (failure.InnerException is not PublishFailedException { Outcome: PublishOutcome.Unknown })
                {
                    runs.PutBack(ended);
                }

                return;
            }
#pragma warning disable CA1031 // Untold, a lost delivery may count as a death; the program must not end by it.
            catch (Exception failure) when (failure is not OperationCanceledException)
#pragma warning restore CA1031
            {
                logger.StreamInterrupted(topology.History.ControlStream, failure.Message);
                return;
            }
        }
    }
}
