using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>The broker's memory alarm, which blocks whoever publishes.</summary>
[Collection(SideFaults.Name)]
public sealed class AlarmTests(FaultBroker broker, FaultReport report)
{
    [FaultFact]
    public async Task A_worker_started_under_an_alarm_works_off_the_backlog_that_causes_it()
    {
        await using FaultQueue queue = await FaultQueue.CreateAsync(broker);
        await queue.EnqueueAsync(await queue.ProducerAsync(), 5);
        await broker.ControlAsync("set_vm_memory_high_watermark", "0.00001");
        try
        {
            await queue.WorkerAsync();
            await Eventually.TrueAsync(() => queue.Runs.All.Count == 5, "all run", 2 * TestEnvironment.Patience);
        }
        finally
        {
            await broker.ControlAsync("set_vm_memory_high_watermark", "0.6");
        }

        await queue.AllDoneAsync();
        report.Add("worker started under a memory alarm", await queue.CloseAsync(), "the backlog is worked off");
    }
}
