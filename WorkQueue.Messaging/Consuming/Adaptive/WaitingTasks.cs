using System.Threading.Channels;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Consuming.Adaptive;

/// <summary>
/// Tasks a slot was given ahead of their turn, at a prefetch above 1. They run one after another; when the one that runs turns out to be
/// long, the others go back to the queue, where another slot finds them.
/// </summary>
internal sealed class WaitingTasks
{
    private readonly Channel<TaskDelivery> _waiting = Channel.CreateUnbounded<TaskDelivery>();
    private readonly Queue<TaskDelivery> _kept = new();
    private readonly Func<TaskDelivery, ValueTask> _run;
    private readonly Func<TaskDelivery, bool> _stays;
    private readonly Func<TaskDelivery, Task<bool>> _giveBack;
    private readonly Lock _lock = new();
    private readonly Task _running;
    private Task? _giving;

    /// <summary>None at first.</summary>
    /// <param name="run">Runs one.</param>
    /// <param name="stays">Whether one is to run here in any case.</param>
    /// <param name="giveBack">Gives one back to its queue; false where that cannot be done now.</param>
    public WaitingTasks(Func<TaskDelivery, ValueTask> run, Func<TaskDelivery, bool> stays, Func<TaskDelivery, Task<bool>> giveBack)
    {
        (_run, _stays, _giveBack) = (run, stays, giveBack);
        _running = RunAsync();
    }

    /// <summary>None is left.</summary>
    public bool IsEmpty => _waiting.Reader.Count == 0;

    /// <summary>One more.</summary>
    /// <returns>False after <see cref="CompleteAsync"/>.</returns>
    public bool TryAdd(TaskDelivery delivery) => _waiting.Writer.TryWrite(delivery);

    /// <summary>
    /// Gives back what waits and what still comes, except what is to stay. The first that its queue does not take ends it; what is left runs here.
    /// </summary>
    /// <returns>Completes when no more are given back.</returns>
    public Task GiveBackAsync()
    {
        lock (_lock)
        {
            return _giving ??= GiveAsync();
        }
    }

    /// <summary>No more come. Returns when all have run or gone back.</summary>
    public Task CompleteAsync()
    {
        _waiting.Writer.TryComplete();
        return _running;
    }

    // Neither goes on the thread of who calls, which serves the connection.
    private async Task RunAsync()
    {
        await Task.Yield();
        await foreach (TaskDelivery delivery in _waiting.Reader.ReadAllAsync())
        {
            await _run(delivery);
        }

        Task? giving;
        lock (_lock)
        {
            // Nothing waits any more: who asks from here on has nothing to give back.
            giving = _giving ??= Task.CompletedTask;
        }

        await giving;
        while (_kept.TryDequeue(out TaskDelivery? kept))
        {
            await _run(kept);
        }
    }

    private async Task GiveAsync()
    {
        await Task.Yield();
        await foreach (TaskDelivery delivery in _waiting.Reader.ReadAllAsync())
        {
            if (_stays(delivery))
            {
                _kept.Enqueue(delivery);
            }
            else if (!await _giveBack(delivery))
            {
                _kept.Enqueue(delivery);
                return;
            }
        }
    }
}
