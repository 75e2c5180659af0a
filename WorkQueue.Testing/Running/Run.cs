using WorkQueue.Messaging.Consuming;
using WorkQueue.Testing.Clocks;

namespace WorkQueue.Testing.Running;

/// <summary>One attempt of a task, or the handling of an event.</summary>
/// <param name="name">What messages call it.</param>
internal sealed class Run(string name)
{
    // Of nothing that has happened yet.
    private long _settledAt = -1;

    public string Name => name;

    public RunWatch Watch { get; } = new();

    /// <summary>Completes when it has ended and is settled.</summary>
    public Task Ended { get; set; } = Task.CompletedTask;

    /// <summary>Ends it early.</summary>
    public TaskRun? Attempt { get; set; }

    /// <summary>What it ended with; null while it runs, and of an event.</summary>
    public TaskOutcome? Outcome { get; set; }

    /// <summary>What becomes of the task; null while it runs, and of an event.</summary>
    public Disposition? Disposition { get; set; }

    /// <summary>It has ended, or nothing has happened in it since it was found to wait.</summary>
    public bool IsSettled => Ended.IsCompleted || Watch.Version == _settledAt;

    /// <summary>It neither ended nor waited for the clock in its time.</summary>
    public bool IsHanging { get; private set; }

    /// <summary>Whatever it was found to do, it is waited for once more.</summary>
    public void LookAgain() => Settle(-1, isHanging: false);

    /// <summary>It was found to wait.</summary>
    public void Settle(long version, bool isHanging) => (_settledAt, IsHanging) = (version, isHanging);
}
