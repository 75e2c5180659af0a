using System.Collections.Concurrent;
using System.Globalization;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Messaging.Control;

/// <summary>
/// What workers say of tasks that were delivered more than once. The broker's count of deliveries proves nothing: a lost connection counts, and counts
/// again for each idle slot of a worker that the task is handed to while that connection is taken apart (seen on RabbitMQ 3.10). So a worker that
/// runs such a task says so before, and, if it lives, that it has ended: what is left are workers that died.
/// </summary>
internal sealed class SuspectRuns
{
    private readonly BoundedCounts _open = new(100_000);
    private readonly ConcurrentDictionary<string, int> _untold = new(StringComparer.Ordinal);

    /// <summary>Names one attempt of a task in its queue, from the time it was published last: to publish it again begins a new count on the broker too.</summary>
    public static string KeyOf(TaskMessage message) => string.Create(CultureInfo.InvariantCulture, $"{message.Queue} {message.Id} {message.Redriven}.{message.Attempt}.{message.Returned}");

    /// <summary>How many runs of it were said to begin that no worker accounts for; below zero where the first delivery, of which nothing is said, was lost with its connection alone.</summary>
    public int OpenOf(TaskMessage message) => _open.IsEmpty ? 0 : _open.Of(KeyOf(message));

    /// <summary>A run of it begins, here or elsewhere.</summary>
    public void Begin(string key) => _open.Add(key, 1);

    /// <summary>This process has it no more, and lives: its run has ended in whatever way, or the delivery was lost.</summary>
    public void End(TaskMessage message)
    {
        string key = KeyOf(message);
        _open.Add(key, -1);
        _untold.AddOrUpdate(key, 1, (_, count) => count + 1);
    }

    /// <summary>So say others.</summary>
    public void End(IReadOnlyDictionary<string, int> lost)
    {
        foreach ((string key, int count) in lost)
        {
            _open.Add(key, -count);
        }
    }

    /// <summary>What was said is of a log that is gone.</summary>
    public void Clear() => _open.Clear();

    /// <summary>What has ended here and is not told to the others.</summary>
    public IReadOnlyDictionary<string, int> TakeUntold(int most)
    {
        Dictionary<string, int> some = new(StringComparer.Ordinal);
        foreach (string key in _untold.Keys.Take(most))
        {
            if (_untold.TryRemove(key, out int count))
            {
                some[key] = count;
            }
        }

        return some;
    }

    /// <summary>They could not be told; the next time.</summary>
    public void PutBack(IReadOnlyDictionary<string, int> untold)
    {
        foreach ((string key, int count) in untold)
        {
            _untold.AddOrUpdate(key, count, (_, more) => more + count);
        }
    }
}
