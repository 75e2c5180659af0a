using System.ComponentModel.DataAnnotations;

namespace WorkQueue.Board;

/// <summary>The settings of the task list, <c>WorkQueue:Board</c>.</summary>
public sealed class TaskBoardOptions
{
    /// <summary>The configuration's section.</summary>
    public const string Section = "WorkQueue:Board";

    /// <summary>
    /// The file in which the tasks are kept; a relative path counts from the program's folder, and <c>:memory:</c> keeps them in memory. It is a copy of the
    /// history that may be deleted at any time. Default: <c>store/&lt;prefix&gt;.db</c> beside the folder of <c>WorkQueue:Output</c>.
    /// </summary>
    public string? Store { get; set; }

    /// <summary>Tasks kept, 1000 to 1,000,000,000; beyond that the oldest finished ones are dropped from the list, and still counted. Default 10,000,000.</summary>
    [Range(1_000, 1_000_000_000, ErrorMessage = Section + ":{0} is not {1} to {2}.")]
    public int MaxTasks { get; set; } = 10_000_000;

    /// <summary>In which time a waiting task is to be started, for <c>GET /scaling</c>: 1 s to 1 h. Default 30 s.</summary>
    [Range(typeof(TimeSpan), "00:00:01", "01:00:00", ErrorMessage = Section + ":{0} is not {1} to {2}.")]
    public TimeSpan ScalingTarget { get; set; } = TimeSpan.FromSeconds(30);

    /// <summary>For how long fewer workers must be enough before <c>GET /scaling</c> asks for fewer: 0 to 1 h. Default 5 min.</summary>
    [Range(typeof(TimeSpan), "00:00:00", "01:00:00", ErrorMessage = Section + ":{0} is not {1} to {2}.")]
    public TimeSpan ScalingStabilisation { get; set; } = TimeSpan.FromMinutes(5);

    /// <summary>The fewest workers that <c>GET /scaling</c> asks for, 0 to 10,000; 0 where none is needed while nothing waits or runs. Default 1.</summary>
    [Range(0, 10_000, ErrorMessage = Section + ":{0} is not {1} to {2}.")]
    public int ScalingMin { get; set; } = 1;

    /// <summary>The most workers that <c>GET /scaling</c> asks for, 1 to 10,000. Default 100.</summary>
    [Range(1, 10_000, ErrorMessage = Section + ":{0} is not {1} to {2}.")]
    public int ScalingMax { get; set; } = 100;

    /// <summary>The folder of the files that results of tasks name; the board links to them. Default: that of <c>WorkQueue:Output</c>; without either there are no links.</summary>
    public string? Files { get; set; }

    /// <summary>Where the dashboard with the traces is; null for none.</summary>
    public Uri? DashboardUrl { get; set; }
}
