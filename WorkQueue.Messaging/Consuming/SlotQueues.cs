using WorkQueue.Messaging.Control;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Consuming;

/// <summary>Which of its worker's queues a slot takes from. With one queue there is nothing to choose, unless it is paused.</summary>
internal sealed class SlotQueues(QueueLevels levels, ControlLog control)
{
    private volatile int _current;
    private long _taken;

    /// <summary>All of them, the preferred first.</summary>
    public IReadOnlyList<TaskQueue> All => levels.Queues;

    /// <summary>The one it takes from at the moment.</summary>
    public TaskQueue Current => All[_current];

    /// <summary>Nothing is to be taken from any of them.</summary>
    public bool ArePaused => All.All(queue => SwitchOf(queue).IsPaused);

    /// <summary>Cancelled when nothing more is to be taken from the current one.</summary>
    public CancellationToken Paused => SwitchOf(Current).Paused;

    /// <summary>Chooses where the next task is to come from; waits while all are paused.</summary>
    public async Task ChooseAsync(CancellationToken stopping)
    {
        await levels.Known.WaitAsync(stopping);
        while (true)
        {
            if (QueueOrder.Next(Ready(), Volatile.Read(ref _taken)) is { } next)
            {
                _current = next;
                return;
            }

            await Task.WhenAny(All.Select(queue => SwitchOf(queue).WaitResumedAsync(stopping)));
            stopping.ThrowIfCancellationRequested();
        }
    }

    /// <summary>A task is about to run; whether the next is to come from another queue. Decided meanwhile: once it is acknowledged the queue would give the next one.</summary>
    public bool LeavesAfterThis()
    {
        long taken = Interlocked.Increment(ref _taken);
        return All.Count > 1 && QueueOrder.Leaves(_current, isIdle: false, Ready(), taken);
    }

    /// <summary>Whether the next task is to come from another queue than this one, by what has changed there.</summary>
    public bool LeavesNow(bool isIdle) => All.Count > 1 && QueueOrder.Leaves(_current, isIdle, Ready(), Volatile.Read(ref _taken));

    private long?[] Ready() => [.. levels.Ready.Select((count, index) => SwitchOf(All[index]).IsPaused ? (long?)null : count)];

    private PauseSwitch SwitchOf(TaskQueue queue) => control.SwitchOf(queue.Name);
}
