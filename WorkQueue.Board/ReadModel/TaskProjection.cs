using Microsoft.Data.Sqlite;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Board.ReadModel.Store;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

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
    // Read without the lock, which a write holds for as long as it takes.
    private volatile HistoryProgress _progress;
    private volatile TaskCounts _counts;
    private volatile bool _isReplaying = true;
    private DateTimeOffset _seenUntil;

    public TaskProjection(TaskDatabase database, int maxTasks, TimeProvider clock)
    {
        (_database, _maxTasks, _clock) = (database, maxTasks, clock);
        _writer = new TaskWriter(database.Writing);
        (_progress, _counts) = (_writer.ReadProgress(), _writer.Totals.ToCounts());
    }

    /// <summary>Where the tasks are kept.</summary>
    public TaskDatabase Database => _database;

    /// <summary>What a reader has found wrong with the file; null while nothing is.</summary>
    public string? Damage { get; private set; }

    /// <summary>How much of the history has been seen.</summary>
    public HistoryProgress Progress => _progress with { IsReplaying = _isReplaying };

    /// <summary>Everything that had happened by then has been applied, as far as the clocks of those who recorded it agree.</summary>
    public DateTimeOffset SeenUntil
    {
        get
        {
            lock (_lock)
            {
                return _seenUntil;
            }
        }
    }

    /// <summary>Completes when everything that was there at the start has been applied.</summary>
    public Task Replayed => Volatile.Read(ref _replayed).Task;

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
                writer.Take(records);
                writer.DropBeyond(_maxTasks);
                writer.Save(progress, last);
            });
            _writer.Count(_live, Now());
            _progress = progress;
            _seenUntil = last.At > _seenUntil ? last.At.Value : _seenUntil;
            _next?.TrySetResult();
            _next = null;
        }
    }

    /// <summary>Whether a record is the last one that was applied: the history is still the one this was made from.</summary>
    public bool IsLast(HistoryRecord record)
    {
        lock (_lock)
        {
            bool isLast = false;
            _database.Alone(() => isLast = _writer.IsLast(record));
            return isLast;
        }
    }

    /// <summary>Says that there is nothing more at the moment.</summary>
    public void HasSeenAll()
    {
        lock (_lock)
        {
            _seenUntil = _clock.GetUtcNow();
        }
    }

    /// <summary>Forgets everything: the history was deleted, and one made anew is read from its beginning; or the file is of no more use.</summary>
    public void Clear()
    {
        lock (_lock)
        {
            // First: who reads the new file must not take it for the whole history.
            BeginReplay();
            _writer.Dispose();
            _database.Recreate();
            (_writer, _live, Damage, _seenUntil) = (new TaskWriter(_database.Writing), new LiveWindow(), null, default);
            (_progress, _counts) = (_writer.ReadProgress(), _writer.Totals.ToCounts());
        }
    }

    /// <summary>Says that there may be more than has been applied.</summary>
    public void BeginReplay()
    {
        lock (_lock)
        {
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
    /// <param name="queue">The queue.</param>
    /// <param name="before">The moment.</param>
    /// <param name="delayed">Also those that were delayed, which may wait elsewhere though their time has come.</param>
    public void BecomeUnknown(string queue, DateTimeOffset before, bool delayed)
    {
        bool goesOn = true;
        while (goesOn)
        {
            lock (_lock)
            {
                Write(writer => goesOn = writer.BecomeUnknown(queue, Milliseconds.Of(before), delayed));
            }
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
    public TaskCounts Counts() => Asked(() => _counts);

    /// <summary>What happens at the moment.</summary>
    public LiveStats Live()
    {
        IReadOnlyDictionary<string, TimeSpan> oldest = OldestWaiting();
        TaskCounts counts = Counts();
        lock (_lock)
        {
            return _live.Read(Now(), oldest.Count == 0 ? null : oldest.Values.Max(), counts.Pending);
        }
    }

    /// <summary>How fast the tasks of a queue come and run.</summary>
    public QueueRates Rates(string queue)
    {
        lock (_lock)
        {
            return _live.RatesOf(queue, Now());
        }
    }

    /// <summary>How long the task has waited that is queued the longest, of each queue where one is.</summary>
    public IReadOnlyDictionary<string, TimeSpan> OldestWaiting()
    {
        long now = Now();
        return Read(TaskQueries.OldestWaiting).ToDictionary(queue => queue.Key, queue => TimeSpan.FromMilliseconds(Math.Max(0, now - queue.Value)), StringComparer.Ordinal);
    }

    /// <summary>For whom the tasks of a queue wait, who has waited the longest first.</summary>
    public IReadOnlyList<WaitingKey> WaitingKeys(string queue, int limit)
    {
        long now = Now();
        return Read(connection => TaskQueries.WaitingKeys(connection, queue, limit, now));
    }

    /// <summary>Dead letters by error, the largest group first.</summary>
    public IReadOnlyList<DeadGroup> DeadGroups(string? queue, int limit) => Read(connection => TaskQueries.DeadGroups(connection, queue, limit));

    /// <summary>Asks something of the tasks and letters as they are now.</summary>
    /// <exception cref="BadHttpRequestException">503: they cannot be read, and are being made anew.</exception>
    public T Read<T>(Func<SqliteConnection, T> ask) => Asked(() => _database.Read(ask));

    public void Dispose()
    {
        _writer.Dispose();
        _database.Dispose();
    }

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);

    private T Asked<T>(Func<T> ask)
    {
        try
        {
            Advance();
            return ask();
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

    private long Now() => Milliseconds.Of(_clock.GetUtcNow());

    // Tasks become queued by the mere passing of time; nobody records it. Of very many a part each time: whoever asks is not held up for all.
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
                TryBecomeQueued(now);
            }
        }
    }

    private void TryBecomeQueued(long now)
    {
        try
        {
            Write(writer => writer.BecomeQueued(now));
        }
        catch (SqliteException failure) when (!TaskDatabase.IsDamage(failure))
        {
            // Where nothing can be written, a full disk, what is there can still be read.
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
            _database.Alone(() =>
            {
                _writer.Dispose();
                _writer = new TaskWriter(_database.Writing);
            });
            throw;
        }

        _counts = _writer.Totals.ToCounts();
    }
}
