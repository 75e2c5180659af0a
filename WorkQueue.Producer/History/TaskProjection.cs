using Microsoft.Data.Sqlite;
using WorkQueue.Messaging;
using WorkQueue.Producer.History.Store;

namespace WorkQueue.Producer.History;

/// <summary>
/// Every task in its present state, from the history, in a SQLite file that goes on where it stopped. One writer, <see cref="HistoryFollower"/>, and
/// many readers. Nothing here asks the broker.
/// </summary>
internal sealed class TaskProjection : IDisposable
{
    private readonly Lock _lock = new();
    private readonly TaskDatabase _database;
    private readonly TimeProvider _clock;
    private readonly int _maxTasks;
    private TaskWriter _writer;
    private LiveWindow _live = new();
    private TaskCompletionSource _replayed = NewSignal();
    private TaskCompletionSource? _next;
    private HistoryProgress _progress;
    private bool _isReplaying = true;
    private TaskCounts? _counts;

    public TaskProjection(TaskDatabase database, int maxTasks, TimeProvider clock)
    {
        (_database, _maxTasks, _clock) = (database, maxTasks, clock);
        _writer = new TaskWriter(database.Writing);
        _progress = _writer.ReadProgress();
    }

    /// <summary>Where the tasks are kept.</summary>
    public TaskDatabase Database => _database;

    /// <summary>What a reader has found wrong with the file; null while nothing is.</summary>
    public string? Damage { get; private set; }

    /// <summary>How much of the history has been seen.</summary>
    public HistoryProgress Progress
    {
        get
        {
            lock (_lock)
            {
                return _progress with { IsReplaying = _isReplaying };
            }
        }
    }

    /// <summary>Completes when everything that was there at the start has been applied.</summary>
    public Task Replayed
    {
        get
        {
            lock (_lock)
            {
                return _replayed.Task;
            }
        }
    }

    /// <summary>Completes when the next records have been applied.</summary>
    public Task Next()
    {
        lock (_lock)
        {
            return (_next ??= NewSignal()).Task;
        }
    }

    /// <summary>Takes in one record: of any task, late, twice or out of order.</summary>
    public void Apply(HistoryRecord record) => Apply([record]);

    /// <summary>Takes in records, all or none.</summary>
    public void Apply(IReadOnlyList<HistoryRecord> records)
    {
        if (records.Count == 0)
        {
            return;
        }

        lock (_lock)
        {
            HistoryRecord last = records[^1];
            HistoryProgress progress = _progress with { Replayed = _progress.Replayed + records.Count, LastOffset = last.Offset, StartsAt = _progress.StartsAt ?? records[0].At };
            Write(writer =>
            {
                writer.Take(records, _live, Now());
                writer.DropBeyond(_maxTasks);
                writer.Save(progress, last);
            });
            _progress = progress;
            _next?.TrySetResult();
            _next = null;
        }
    }

    /// <summary>Whether a record is the last one that was applied: the history is still the one this was made from.</summary>
    public bool IsLast(HistoryRecord record)
    {
        lock (_lock)
        {
            return _writer.IsLast(record);
        }
    }

    /// <summary>Forgets everything: the history was deleted, and one made anew is read from its beginning; or the file is of no more use.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            _writer.Dispose();
            _database.Recreate();
            Damage = null;
            (_writer, _live, _counts) = (new TaskWriter(_database.Writing), new LiveWindow(), null);
            _progress = _writer.ReadProgress();
            _isReplaying = true;
            _replayed = _replayed.Task.IsCompleted ? NewSignal() : _replayed;
        }
    }

    /// <summary>Forgets the finished tasks, and the letters, of which nothing is left: the history begins with this record now.</summary>
    public void ForgetBefore(HistoryRecord first)
    {
        bool goesOn = true;
        while (goesOn)
        {
            // A few at a time: what happens meanwhile is not held up.
            lock (_lock)
            {
                HistoryProgress progress = _progress with { StartsAt = first.At };
                Write(writer => goesOn = writer.ForgetBefore(first.Offset, progress));
                _progress = progress;
            }
        }
    }

    /// <summary>Says of the tasks of a queue that wait or run since before a moment that they are no longer on the broker, and nobody told what became of them.</summary>
    public void BecomeUnknown(string queue, DateTimeOffset before)
    {
        lock (_lock)
        {
            Write(writer => writer.BecomeUnknown(queue, Milliseconds.Of(before)));
        }
    }

    /// <summary>Says that everything that was there at the start has been applied.</summary>
    public void EndReplay()
    {
        lock (_lock)
        {
            _isReplaying = false;
            _replayed.TrySetResult();
        }
    }

    /// <summary>A task, or null when the history that is kept does not tell of it.</summary>
    public TaskView? Find(string id) => Read(connection => RowStore.Find(connection, TaskKey.Of(id))?.ToView());

    /// <summary>The offsets of a task's records, ascending; empty when it is not known.</summary>
    public IReadOnlyList<long> OffsetsOf(string id) => Read(connection => RowStore.Find(connection, TaskKey.Of(id))?.Offsets.Read()) ?? [];

    /// <summary>The tasks that fit, the newest first.</summary>
    public TaskPage List(TaskQuery query) => query is { Search: { } id, Before: null } && Find(id) is { } exact
        ? new TaskPage(query.Fits(exact) ? [exact] : [], null)
        : Read(connection => TaskQueries.List(connection, query));

    /// <summary>How many tasks there are.</summary>
    public TaskCounts Counts()
    {
        Advance();
        lock (_lock)
        {
            return _counts ??= _writer.Totals.ToCounts();
        }
    }

    /// <summary>What happens at the moment.</summary>
    public LiveStats Live()
    {
        long? oldest = Read(TaskQueries.OldestWaiting);
        TaskCounts counts = Counts();
        lock (_lock)
        {
            long now = Now();
            return _live.Read(now, oldest is { } since ? TimeSpan.FromMilliseconds(Math.Max(0, now - since)) : null, counts.Pending);
        }
    }

    /// <summary>Dead letters by error, the largest group first.</summary>
    public IReadOnlyList<DeadGroup> DeadGroups(string? queue, int limit) => Read(connection => TaskQueries.DeadGroups(connection, queue, limit));

    /// <summary>Asks something of the tasks and letters as they are now.</summary>
    /// <exception cref="BadHttpRequestException">503: they cannot be read, and are being made anew.</exception>
    public T Read<T>(Func<SqliteConnection, T> ask)
    {
        try
        {
            Advance();
            return _database.Read(ask);
        }
        catch (SqliteException failure)
        {
            if (TaskDatabase.IsDamage(failure))
            {
                Damage = failure.Message;
            }

            throw new BadHttpRequestException($"The list of tasks cannot be read at the moment ({failure.Message}); try again.", StatusCodes.Status503ServiceUnavailable, failure);
        }
    }

    public void Dispose()
    {
        _writer.Dispose();
        _database.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private long Now() => Milliseconds.Of(_clock.GetUtcNow());

    // Tasks become queued by the mere passing of time; nobody records it.
    private void Advance()
    {
        if (Volatile.Read(ref _writer).NextDue > Now())
        {
            return;
        }

        lock (_lock)
        {
            long now = Now();
            if (_writer.NextDue <= now)
            {
                Write(writer => writer.BecomeQueued(now));
            }
        }
    }

    private void Write(Action<TaskWriter> write)
    {
        try
        {
            _database.Write(() => write(_writer));
        }
        catch
        {
            // What is counted in memory is what was committed.
            _writer.Dispose();
            _writer = new TaskWriter(_database.Writing);
            throw;
        }
        finally
        {
            _counts = null;
        }
    }
}
