using System.Threading.Channels;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Tasks a slot was given ahead of their turn, at a prefetch above 1. They run one after another; when the one that runs turns out to be
/// long, the others go back to the queue, where another slot finds them.
/// </summary>
internal sealed class WaitingTasks
{
    private readonly Channel<TaskDelivery> _waiting = Channel.CreateUnbounded<TaskDelivery>();
    private readonly Func<TaskDelivery, Task> _giveBack;
    private readonly Lock _lock = new();
    private Task _all;
    private bool _givesBack;

    public WaitingTasks(Func<TaskDelivery, Task> run, Func<TaskDelivery, Task> giveBack)
    {
        _giveBack = giveBack;
        _all = EachAsync(run);
    }

    /// <summary>One more.</summary>
    /// <returns>False after <see cref="CompleteAsync"/>.</returns>
    public bool TryAdd(TaskDelivery delivery) => _waiting.Writer.TryWrite(delivery);

    /// <summary>Gives back all that wait and all that still come. A task that cannot be given back at once runs if its turn comes first.</summary>
    public void GiveBack()
    {
        lock (_lock)
        {
            if (!_givesBack)
            {
                _givesBack = true;
                _all = Task.WhenAll(_all, EachAsync(_giveBack));
            }
        }
    }

    /// <summary>No more come. Returns when all have run or gone back.</summary>
    public async Task CompleteAsync()
    {
        _waiting.Writer.TryComplete();
        Task awaited;
        do
        {
            lock (_lock)
            {
                awaited = _all;
            }

            await awaited;
        }
        while (!ReferenceEquals(awaited, Volatile.Read(ref _all)));
    }

    private async Task EachAsync(Func<TaskDelivery, Task> act)
    {
        // Not on the thread of who calls, which serves the connection.
        await Task.Yield();
        await foreach (TaskDelivery delivery in _waiting.Reader.ReadAllAsync())
        {
            await act(delivery);
        }
    }
}
