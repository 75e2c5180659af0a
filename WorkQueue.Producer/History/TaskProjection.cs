using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>
/// Every task in its present state, from the history. In memory; one writer, <see cref="HistoryFollower"/>, and many readers. Nothing
/// here asks the broker.
/// </summary>
internal sealed class TaskProjection(IOptions<BoardOptions> options, TimeProvider clock)
{
    /// <summary>How much of the history has been seen.</summary>
    public HistoryProgress Progress => throw new NotImplementedException();

    /// <summary>Takes in one record: of any task, late, twice or out of order.</summary>
    public void Apply(HistoryRecord record) => throw new NotImplementedException(record.TaskId + options + clock);

    /// <summary>Says that everything that was there at the start has been applied.</summary>
    public void EndReplay() => throw new NotImplementedException();

    /// <summary>A task, or null when the history that is kept does not tell of it.</summary>
    public TaskView? Find(string id) => throw new NotImplementedException(id);

    /// <summary>The offsets of a task's records, ascending; empty when it is not known.</summary>
    public IReadOnlyList<long> OffsetsOf(string id) => throw new NotImplementedException(id);

    /// <summary>The tasks that fit, the newest first.</summary>
    public TaskPage List(TaskQuery query) => throw new NotImplementedException(query.ToString());

    /// <summary>How many tasks there are.</summary>
    public TaskCounts Counts() => throw new NotImplementedException();

    /// <summary>What happens at the moment.</summary>
    public LiveStats Live() => throw new NotImplementedException();

    /// <summary>Dead letters by error, the largest group first.</summary>
    public IReadOnlyList<DeadGroup> DeadGroups(string? queue, int limit) => throw new NotImplementedException(queue + limit);
}
