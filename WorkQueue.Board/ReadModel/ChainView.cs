using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Board.ReadModel.Store;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>The chain a task is part of.</summary>
/// <param name="Place">The task's place, and the results of those before it.</param>
/// <param name="Then">What comes after it, as far as it is known.</param>
/// <param name="IsWhole">False where payloads and results are not kept: it cannot be gone on with from here.</param>
/// <param name="Steps">All its tasks.</param>
internal sealed record ChainView(TaskChain Place, IReadOnlyList<NewTask> Then, bool IsWhole, IReadOnlyList<ChainStepView> Steps)
{
    /// <summary>From the history of a task; null for a task of its own.</summary>
    /// <param name="task">The task.</param>
    /// <param name="records">Its records.</param>
    /// <param name="withPayload">The one of them that has its payload.</param>
    /// <param name="letter">Its dead letter, where that is what has it.</param>
    /// <param name="projection">What is known of the others.</param>
    public static ChainView? Of(TaskView task, IReadOnlyList<HistoryRecord> records, HistoryRecord? withPayload, DeadLetter? letter, TaskProjection projection)
    {
        TaskChain? whole = withPayload?.Chain ?? letter?.Chain;
        if ((whole ?? records.FirstOrDefault(record => record.Chain is not null)?.Chain) is not { } place)
        {
            return null;
        }

        IReadOnlyList<NewTask> then = whole is null ? records.Select(record => record.Then).MaxBy(steps => steps.Count) ?? [] : withPayload?.Then ?? letter!.Then;
        return new ChainView(place, then, whole is not null, StepsOf(task, place, then, projection));
    }

    /// <summary>Whether both lists have the same tasks; the queues may be filled in on one side.</summary>
    public static bool AreSame(IReadOnlyList<NewTask> some, IReadOnlyList<NewTask> others) => some.Count == others.Count && some.Zip(others).All(pair =>
        pair.First.Type == pair.Second.Type && (pair.First.Delay ?? TimeSpan.Zero) == (pair.Second.Delay ?? TimeSpan.Zero)
        && pair.First.ContentType == pair.Second.ContentType && pair.First.Body.Span.SequenceEqual(pair.Second.Body.Span));

    private static ChainStepView[] StepsOf(TaskView task, TaskChain place, IReadOnlyList<NewTask> then, TaskProjection projection)
    {
        string[] ids = [.. Enumerable.Range(0, place.Place + then.Count + 1).Select(index => index == place.Place ? task.Id : place.IdOf(index))];
        TaskView?[] known = projection.Read(connection =>
        {
            IEnumerable<TaskRow?> before = RowStore.FindEach(connection, ids.Take(place.Place).Select(TaskKey.Of));
            // One comes after the other: behind one whose turn has not come there is none.
            IEnumerable<TaskRow?> after = RowStore.FindEach(connection, ids.Skip(place.Place + 1).Select(TaskKey.Of)).TakeWhile(row => row is not null);
            return (TaskView?[])[.. before.Select(row => row?.ToView()), task, .. after.Select(row => row?.ToView())];
        });
        return [.. ids.Select((id, index) => new ChainStepView(index, id, known.ElementAtOrDefault(index)?.Type ?? then.ElementAtOrDefault(index - place.Place - 1)?.Type, known.ElementAtOrDefault(index)?.State))];
    }
}

/// <summary>One task of a chain.</summary>
/// <param name="Place">Its place, from 0.</param>
/// <param name="Id">Its id.</param>
/// <param name="Type">Its type, where it is known.</param>
/// <param name="State">Its state; null where it is not known, which is so until its turn has come.</param>
internal sealed record ChainStepView(int Place, string Id, string? Type, TaskState? State);
