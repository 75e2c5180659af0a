using System.Collections.Concurrent;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Faults;

/// <summary>Counts tasks by id: which were confirmed, which ran, and which ran to their end.</summary>
internal sealed class Ledger
{
    private readonly ConcurrentDictionary<string, byte> _confirmed = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, int> _succeeded = new(StringComparer.Ordinal);
    private readonly ConcurrentQueue<long> _starts = new();
    private readonly Lock _lock = new();
    private int _running;
    private int _most;
    private TimeSpan _ran;
    private long _since = TimeProvider.System.GetTimestamp();

    public int Confirmed => _confirmed.Count;

    /// <summary>Ids that ran to their end at least once.</summary>
    public int Succeeded => _succeeded.Count;

    /// <summary>Runs that go on.</summary>
    public int Running => Volatile.Read(ref _running);

    /// <summary>The most runs there were at once.</summary>
    public int MostAtOnce => Volatile.Read(ref _most);

    /// <summary>How long all runs have taken together.</summary>
    public TimeSpan Ran
    {
        get
        {
            lock (_lock)
            {
                Change(0);
                return _ran;
            }
        }
    }

    /// <summary>When runs started, each a time since an arbitrary moment.</summary>
    public IReadOnlyList<TimeSpan> Starts => [.. _starts.Select(start => TimeProvider.System.GetElapsedTime(0, start)).Order()];

    /// <summary>Every confirmed task has run to its end.</summary>
    public bool AllDone => _confirmed.Keys.All(_succeeded.ContainsKey);

    /// <summary>Waits until all are done, or nothing has come for longer than a cluster takes to be whole again: what is lost never does.</summary>
    public async Task AllComeAsync()
    {
        TimeSpan patience = TimeSpan.FromMinutes(3);
        using PeriodicTimer timer = new(TimeSpan.FromSeconds(1));
        (int before, long since) = (Succeeded, TimeProvider.System.GetTimestamp());
        while (!AllDone && TimeProvider.System.GetElapsedTime(since) < patience)
        {
            await timer.WaitForNextTickAsync();
            (before, since) = before == Succeeded ? (before, since) : (Succeeded, TimeProvider.System.GetTimestamp());
        }
    }

    public void Confirm(string id) => _confirmed.TryAdd(id, 0);

    /// <summary>The most starts within a time.</summary>
    public int MostStartsIn(TimeSpan window)
    {
        IReadOnlyList<TimeSpan> starts = Starts;
        int first = 0;
        return starts.Select((start, last) =>
        {
            while (starts[first] <= start - window)
            {
                first++;
            }

            return last - first + 1;
        }).DefaultIfEmpty().Max();
    }

    /// <summary>The longest time without a start from a moment on (a time stamp), until the last of them.</summary>
    public TimeSpan LongestPauseSince(long moment)
    {
        TimeSpan from = TimeProvider.System.GetElapsedTime(0, moment);
        TimeSpan[] starts = [from, .. _starts.Select(start => TimeProvider.System.GetElapsedTime(0, start)).Where(start => start > from).Order()];
        return starts.Zip(starts.Skip(1), (first, next) => next - first).DefaultIfEmpty().Max();
    }

    public void Start()
    {
        _starts.Enqueue(TimeProvider.System.GetTimestamp());
        lock (_lock)
        {
            Change(1);
            _most = Math.Max(_most, _running);
        }
    }

    public void End()
    {
        lock (_lock)
        {
            Change(-1);
        }
    }

    /// <summary>The most runs at once are those from now on.</summary>
    public void CountMostAnew()
    {
        lock (_lock)
        {
            _most = _running;
        }
    }

    private void Change(int by)
    {
        long now = TimeProvider.System.GetTimestamp();
        _ran += _running * TimeProvider.System.GetElapsedTime(_since, now);
        _since = now;
        _running += by;
    }

    /// <summary>Counts something as a run for as long as it goes on.</summary>
    public async Task DuringAsync(Func<Task> run)
    {
        Start();
        try
        {
            await run();
        }
        finally
        {
            End();
        }
    }

    /// <summary>A run that takes a moment, and is cut short with its task.</summary>
    public async Task<object?> BrieflyAsync(TaskContext context)
    {
        await DuringAsync(() => Task.Delay(TimeSpan.FromMilliseconds(20), TimeProvider.System, context.CancellationToken));
        return null;
    }

    /// <summary>The ids of the runs that came to their end, in their order.</summary>
    public ConcurrentQueue<string> Ends { get; } = new();

    public void Succeed(string id)
    {
        Ends.Enqueue(id);
        _succeeded.AddOrUpdate(id, 1, (_, runs) => runs + 1);
    }

    /// <summary>Draws the line under a test.</summary>
    /// <param name="waiting">The ids of the messages that are still in the queue, once each.</param>
    /// <param name="dead">The ids of the dead letters.</param>
    public Balance Close(IReadOnlyCollection<string> waiting, IReadOnlyCollection<string> dead)
    {
        HashSet<string> accounted = [.. _succeeded.Keys, .. waiting, .. dead];
        int ends = _succeeded.Values.Sum() + waiting.Count + dead.Count;
        return new Balance(_confirmed.Count, _confirmed.Keys.Count(id => !accounted.Contains(id)), ends - accounted.Count);
    }
}
