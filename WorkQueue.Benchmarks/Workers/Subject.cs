using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Workers;

/// <summary>A subject by a name that another process understands.</summary>
internal sealed record Subject(string Name, Func<Stage, ISubject> On)
{
    public static readonly Subject Raw = new("raw", stage => new RawClient(stage));

    public static readonly Subject Ours = new("ours", stage => new Ours(stage));

    public static readonly Subject OursWithHistory = new("ours-history", stage => new Ours(stage, HistoryMode.All));

    public static readonly IReadOnlyList<Subject> All = [Raw, Ours, OursWithHistory];
}
