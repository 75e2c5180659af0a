using WorkQueue.Testing.Clocks;
using WorkQueue.Testing.InMemory;

namespace WorkQueue.Testing.Running;

/// <summary>Delivers what is due, one message after the other, and turns the clock from one moment at which something is due to the next.</summary>
internal sealed class QueueDriver(MemoryBroker broker, MemoryLeader leader, TaskRunner runner, TestClock clock, CurrentRun current) : IAsyncDisposable
{
    // More at one moment are, more likely than not, tasks that enqueue each other without end.
    private const int MostRuns = 100_000;

    private static readonly TimeSpan Look = TimeSpan.FromMilliseconds(10);
    private static readonly TimeSpan EndLimit = TimeSpan.FromSeconds(1);

    private readonly SemaphoreSlim _turn = new(1);
    private readonly List<Run> _runs = [];

    /// <summary>How long a run may take, in real time, until it has ended or waits for the clock.</summary>
    public TimeSpan Patience { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>Runs what is due now.</summary>
    /// <exception cref="TimeoutException">A run neither ended nor waits for the clock.</exception>
    public Task RunAsync() => InTurnAsync(async () =>
    {
        // What hung may have been let go on since.
        _runs.FindAll(run => run.IsHanging).ForEach(run => run.LookAgain());
        await RunDueAsync();
        if (_runs.Find(run => run.IsHanging) is { } hanging)
        {
            throw new TimeoutException(
                $"'{hanging.Name}' has run for {Patience.TotalSeconds:0.###} s of real time, and neither ended nor waits for the clock. A handler has to wait by the TimeProvider of its services, "
                + $"which is the queue's clock; for one that does slow work raise {nameof(Patience)}; one that hangs until its time is up is ended by AdvanceAsync.");
        }
    });

    /// <summary>Runs what is due until a moment, or until <paramref name="isDone"/>.</summary>
    public Task TurnAsync(DateTimeOffset until, Func<bool> isDone) => InTurnAsync(async () =>
    {
        await RunDueAsync();
        while (!isDone() && clock.GetUtcNow() < until)
        {
            await MoveAsync(NextDue(until) - clock.GetUtcNow());
            await RunDueAsync();
        }
    });

    /// <summary>Runs the next message alone.</summary>
    public async Task<Run> RunOneAsync(CancellationToken cancellationToken)
    {
        Run? run = null;
        await InTurnAsync(async () =>
        {
            run = runner.Start(broker.TakeDue() ?? throw new InvalidOperationException("Nothing is due."));
            _runs.Add(run);
            await using CancellationTokenRegistration interrupted = cancellationToken.UnsafeRegister(_ => runner.Interrupt(run), null);
            await SettleAsync(run);
        });
        return run!;
    }

    public async ValueTask DisposeAsync()
    {
        runner.Stop();
        _runs.ForEach(runner.Interrupt);
        await Task.WhenAll(_runs.Select(run => run.Ended)).WaitAsync(EndLimit, TimeProvider.System).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task InTurnAsync(Func<Task> turn)
    {
        if (current.Value is not null)
        {
            throw new InvalidOperationException("A handler cannot run the queue that runs it.");
        }

        await _turn.WaitAsync();
        try
        {
            // A framework's synchronization context may have one thread only.
            await Task.Run(turn);
        }
        finally
        {
            _turn.Release();
        }
    }

    private DateTimeOffset NextDue(DateTimeOffset until)
    {
        DateTimeOffset now = clock.GetUtcNow();
        return ((DateTimeOffset?[])[broker.NextDue, leader.NextDue, clock.NextDue]).Where(due => due > now && due < until).Min() ?? until;
    }

    // On another thread: what waits for the clock may go on within the call, and may block.
    private async Task MoveAsync(TimeSpan time)
    {
        try
        {
            await Task.Run(() => clock.Advance(time)).WaitAsync(Patience, TimeProvider.System);
        }
        catch (TimeoutException blocked)
        {
            throw new TimeoutException($"A handler that had waited for the clock has blocked its thread for {Patience.TotalSeconds:0.###} s of real time.", blocked);
        }
    }

    private async Task RunDueAsync()
    {
        await SettleAllAsync();
        await leader.WorkAsync();
        // The leader may have ended what runs.
        await SettleAllAsync();
        await leader.WorkAsync();
        int count = 0;
        while (broker.TakeDue() is { } message)
        {
            if (++count > MostRuns)
            {
                throw new InvalidOperationException($"More than {MostRuns} tasks were due at {clock.GetUtcNow():u}: do they enqueue each other without end? Where they are really so many, run them in several calls.");
            }

            _runs.Add(runner.Start(message));
            await SettleAllAsync();
            await leader.WorkAsync();
        }
    }

    // What one does may let another go on.
    private async Task SettleAllAsync()
    {
        while (true)
        {
            while (_runs.Find(run => !run.IsSettled) is { } run)
            {
                await SettleAsync(run);
            }

            List<Run> ended = _runs.FindAll(run => run.Ended.IsCompleted);
            _runs.RemoveAll(ended.Contains);
            await Task.WhenAll(ended.Select(run => run.Ended));
            if (ended.Count == 0 || !_runs.Exists(run => run.IsHanging))
            {
                return;
            }

            // One that waited for another, by a lock say, goes on by a thread that may not have come to it yet.
            await Task.Delay(2 * Look, TimeProvider.System);
        }
    }

    // Looked at twice: between a timer and the code that it lets go on there may be a moment.
    private async Task SettleAsync(Run run)
    {
        long start = TimeProvider.System.GetTimestamp();
        long seen = -1;
        while (!run.IsSettled)
        {
            await Task.WhenAny(run.Ended, Task.Delay(Look, TimeProvider.System));
            long version = run.Watch.Version;
            bool isStill = run.Watch.IsStill && version == seen;
            if (isStill || TimeProvider.System.GetElapsedTime(start) >= Patience)
            {
                run.Settle(version, isHanging: !isStill);
            }

            seen = version;
        }
    }
}
