using System.Globalization;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Faults;

/// <summary>A broker that was backed up as docs/operations.md says, and lost its disk.</summary>
public sealed class BackupTests
{
    private const int Tasks = 300;

    [ClusterFact(Timeout = 120_000)]
    public async Task What_waited_when_the_backup_was_made_waits_again_and_what_is_known_of_it_is_what_was_known_then()
    {
        await using LocalBrokerProcess broker = new();
        await broker.StartAsync();
        string backup = Path.Combine(Directory.CreateTempSubdirectory("workqueue-test-backup-").FullName, "data");
        await using TestQueue queue = new(BrokerFixture.Of(broker));
        ITaskQueue producer = await queue.ProducerAsync();
        await queue.Last.Services.GetRequiredService<ITaskControl>().PauseAsync("default");
        EnqueuedTask[] tasks = [.. await Task.WhenAll(Enumerable.Range(0, Tasks).Select(number => producer.EnqueueAsync(NewTask.Json("probe", number.ToString(CultureInfo.InvariantCulture)))))];

        await broker.ControlAsync("stop_app");
        await broker.KillAsync();
        await broker.BackUpAsync(backup);
        await broker.StartAsync();
        Ledger since = new();
        IHost worker = await queue.WorkerAsync((_, context) => RunAsync(since, context));
        await Eventually.TrueAsync(() => ResumedAsync(queue), "the queue is resumed");
        await Eventually.TrueAsync(() => since.Succeeded == Tasks, "all have run");
        await worker.StopAsync();

        await broker.KillAsync();
        await broker.RestoreAsync(backup);
        await broker.StartAsync();
        // Paused again, as it was then; and what has run since the backup was made runs again.
        Ledger again = new();
        await queue.WorkerAsync((_, context) => RunAsync(again, context));
        await Eventually.EqualAsync(Tasks, async () => await queue.ReadyAsync(), "what waited waits again");
        Assert.Equal(0, again.Succeeded);
        await Eventually.TrueAsync(() => ResumedAsync(queue), "the queue is resumed");
        await Eventually.TrueAsync(() => again.Succeeded == Tasks, "all have run again");
        Assert.All(tasks, task => Assert.Contains(task.Id, again.Ends));
        Directory.Delete(Path.GetDirectoryName(backup)!, recursive: true);
    }

    private static Task<object?> RunAsync(Ledger ledger, TaskContext context)
    {
        ledger.Succeed(context.Id);
        return Task.FromResult<object?>(null);
    }

    private static async Task<bool> ResumedAsync(TestQueue queue)
    {
        try
        {
            await queue.Last.Services.GetRequiredService<ITaskControl>().ResumeAsync("default");
            return true;
        }
        catch (BrokerUnavailableException)
        {
            return false;
        }
    }
}
