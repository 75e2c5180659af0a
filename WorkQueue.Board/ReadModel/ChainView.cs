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

    private static List<ChainStepView> StepsOf(TaskView task, TaskChain place, IReadOnlyList<NewTask> then, TaskProjection projection) => projection.Read(connection =>
    {
        List<ChainStepView> steps = [];
        bool mayBeThere = true;
        for (int index = 0; index <= place.Place + then.Count; index++)
        {
            string id = index == place.Place ? task.Id : place.IdOf(index);
            TaskView? known = index == place.Place ? task : mayBeThere ? RowStore.Find(connection, TaskKey.Of(id))?.ToView() : null;
            // One comes after the other: behind one whose turn has not come there is none.
            mayBeThere = known is not null || index < place.Place;
            steps.Add(new ChainStepView(index, id, known?.Type ?? (index > place.Place ? then[index - place.Place - 1].Type : null), known?.State));
        }

        return steps;
    });
}

/// <summary>One task of a chain.</summary>
/// <param name="Place">Its place, from 0.</param>
/// <param name="Id">Its id.</param>
/// <param name="Type">Its type, where it is known.</param>
/// <param name="State">Its state; null where it is not known, which is so until its turn has come.</param>
internal sealed record ChainStepView(int Place, string Id, string? Type, TaskState? State);
