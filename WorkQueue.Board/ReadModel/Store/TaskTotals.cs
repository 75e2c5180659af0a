using Microsoft.Data.Sqlite;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel.Store;

/// <summary>
/// What is counted of all tasks, by queue and state. A row is taken out before it is changed and put in again after, so no change can be forgotten. A
/// row that is dropped to save room stays counted.
/// </summary>
internal sealed class TaskTotals
{
    private static readonly TaskState[] States = Enum.GetValues<TaskState>();

    private readonly Dictionary<(string Queue, TaskState State), Total> _totals = [];

    /// <summary>Finished tasks that are counted and no longer there.</summary>
    public long Dropped { get; set; }

    /// <summary>Tasks that are there.</summary>
    public long Listed => _totals.Values.Sum(total => total.Tasks) - Dropped;

    public static TaskTotals Read(SqliteConnection connection)
    {
        TaskTotals totals = new() { Dropped = Statement.Number(connection, "SELECT dropped FROM progress") ?? 0 };
        foreach (var (key, total) in Statement.Query(
            connection, "SELECT queue, state, tasks, duplicates, on_broker FROM totals",
            row => ((row.GetString(0), (TaskState)row.GetInt32(1)), new Total { Tasks = row.GetInt64(2), Duplicates = row.GetInt64(3), OnBroker = row.GetInt64(4) })))
        {
            totals._totals[key] = total;
        }

        return totals;
    }

    public void Add(TaskRow row) => Count(row.Queue, row.Shown, 1, row.Duplicates, row.IsCancelledOnBroker ? 1 : 0);

    public void Remove(TaskRow row) => Count(row.Queue, row.Shown, -1, -row.Duplicates, row.IsCancelledOnBroker ? -1 : 0);

    /// <summary>So many tasks of a queue are in another state.</summary>
    public void Move(string queue, TaskState from, TaskState to, long tasks)
    {
        Count(queue, from, -tasks, 0, 0);
        Count(queue, to, tasks, 0, 0);
    }

    /// <summary>Writes what has changed.</summary>
    public void Save(SqliteConnection connection)
    {
        foreach (((string queue, TaskState state), Total total) in _totals.Where(total => total.Value.HasChanged))
        {
            Statement.Run(
                connection, "INSERT OR REPLACE INTO totals VALUES (?1, ?2, ?3, ?4, ?5)", queue, (long)state, total.Tasks, total.Duplicates, total.OnBroker);
            total.HasChanged = false;
        }
    }

    public TaskCounts ToCounts() => new()
    {
        ByState = States.ToDictionary(state => state, state => _totals.Where(total => total.Key.State == state).Sum(total => total.Value.Tasks)),
        ByQueue = _totals.GroupBy(total => total.Key.Queue).ToDictionary(
            queue => queue.Key,
            queue => (IReadOnlyDictionary<TaskState, long>)States.ToDictionary(state => state, state => queue.Where(total => total.Key.State == state).Sum(total => total.Value.Tasks)),
            StringComparer.Ordinal),
        Duplicates = _totals.Values.Sum(total => total.Duplicates),
        CancelledOnBroker = _totals.Values.Sum(total => total.OnBroker),
        Dropped = Dropped,
    };

    private void Count(string queue, TaskState state, long tasks, long duplicates, long onBroker)
    {
        if (!_totals.TryGetValue((queue, state), out Total? total))
        {
            total = new Total();
            _totals.Add((queue, state), total);
        }

        total.Tasks += tasks;
        total.Duplicates += duplicates;
        total.OnBroker += onBroker;
        total.HasChanged = true;
    }

    private sealed class Total
    {
        public long Tasks;
        public long Duplicates;
        public long OnBroker;
        public bool HasChanged;
    }
}
