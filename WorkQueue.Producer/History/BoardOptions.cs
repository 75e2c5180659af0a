using System.ComponentModel.DataAnnotations;

namespace WorkQueue.Producer.History;

/// <summary>The settings of the task list, <c>WorkQueue:Board</c>.</summary>
internal sealed class BoardOptions
{
    public const string Section = "WorkQueue:Board";

    /// <summary>Tasks kept in memory, 1000 to 100,000,000; beyond that the oldest finished ones are dropped from the list, and still counted. Default 1,000,000.</summary>
    [Range(1_000, 100_000_000, ErrorMessage = Section + ":{0} is not {1} to {2}.")]
    public int MaxTasks { get; set; } = 1_000_000;

    /// <summary>Where the dashboard with the traces is; null for none.</summary>
    public Uri? DashboardUrl { get; set; }
}
