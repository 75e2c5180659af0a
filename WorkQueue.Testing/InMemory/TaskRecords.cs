using WorkQueue.Messaging;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Testing.InMemory;

/// <summary>The tasks, as their records tell of them.</summary>
internal sealed class TaskRecords(PayloadCodec json)
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, TestTask> _byId = new(StringComparer.Ordinal);
    private readonly List<TestTask> _all = [];

    /// <summary>All, in the order in which they were enqueued.</summary>
    public IReadOnlyList<TestTask> All
    {
        get
        {
            lock (_lock)
            {
                return [.. _all];
            }
        }
    }

    public TestTask? Find(string id)
    {
        lock (_lock)
        {
            return _byId.GetValueOrDefault(id);
        }
    }

    public void Add(HistoryRecord record)
    {
        lock (_lock)
        {
            if (!_byId.TryGetValue(record.TaskId, out TestTask? task))
            {
                _byId[record.TaskId] = task = new TestTask(json);
                _all.Add(task);
            }

            task.Add(record);
        }
    }
}
