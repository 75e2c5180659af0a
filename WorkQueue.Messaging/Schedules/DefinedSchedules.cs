using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Options;
using WorkQueue.Messaging.Connections;
using WorkQueue.Messaging.Diagnostics;
using WorkQueue.Messaging.Leading;

namespace WorkQueue.Messaging.Schedules;

/// <summary>Has the leader know of the schedules in the settings, once at the start. What was taken out of them stays: another program may have it in its own.</summary>
internal sealed class DefinedSchedules(
    LeaderQueues queues, ILeaderCommands commands, IOptions<WorkQueueOptions> options, TimeProvider clock, ILogger<DefinedSchedules> logger) : BackgroundService
{
    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        if (options.Value.Schedules.Count == 0)
        {
            return;
        }

        Backoff backoff = new(clock);
        while (!stoppingToken.IsCancellationRequested)
        {
            try
            {
                await queues.Declared.WaitAsync(stoppingToken);
                foreach ((string name, ScheduleOptions schedule) in options.Value.Schedules)
                {
                    await commands.TellAsync(ScheduleEntry.Define, new ScheduleEntry(name, schedule).Write(), stoppingToken);
                }

                return;
            }
            catch (BrokerUnavailableException away)
            {
                logger.SchedulesUntold(away.Message);
            }
            catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
            {
                return;
            }

            await backoff.WaitAsync(stoppingToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }
}
