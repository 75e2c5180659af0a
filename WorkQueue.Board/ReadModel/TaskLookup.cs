using WorkQueue.Board.ReadModel.Rows;

namespace WorkQueue.Board.ReadModel;

/// <summary>What there is to say of a task that is not known, and of how complete an answer is.</summary>
internal sealed class TaskLookup(TaskProjection projection, HistorySettings settings)
{
    public const string Header = "WorkQueue-History";

    /// <summary><c>replaying</c>, <c>live</c> or <c>off</c>.</summary>
    public string State => settings.IsOff ? "off" : projection.Progress.IsReplaying ? "replaying" : "live";

    /// <summary>The 404 of an unknown id.</summary>
    public BadHttpRequestException Unknown(string id) => new(Because($"No task '{id}'."), StatusCodes.Status404NotFound);

    /// <summary>Refuses what cannot be done without history.</summary>
    /// <exception cref="BadHttpRequestException">409: there is none.</exception>
    public void RequireHistory()
    {
        if (settings.IsOff)
        {
            throw new BadHttpRequestException(HistorySettings.OffDetail, StatusCodes.Status409Conflict);
        }
    }

    private string Because(string what)
    {
        if (settings.IsOff)
        {
            return HistorySettings.OffDetail;
        }

        HistoryProgress progress = projection.Progress;
        string start = progress.StartsAt is { } time ? $" The history starts at {time:u}." : " The history is empty.";
        string failures = settings.OnlyFailures ? " Only failures are recorded (WorkQueue:History)." : "";
        string replay = progress.IsReplaying ? " It is still being read, so the answer may be incomplete: try again." : "";
        return what + start + failures + replay;
    }
}
