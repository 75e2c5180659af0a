using WorkQueue.Board.Api;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The queues, each with how full it has been; which policies work against what they share; and how many messages that cannot be read were set aside.</summary>
internal sealed record QueuesModel(IReadOnlyList<(QueueView Queue, IReadOnlyList<long> Ready)> Queues, IReadOnlyList<string> Warnings, long Unreadable)
{
    private const int MostLanes = 6;
    private const int MostKeys = 5;

    /// <summary>A line for each lane; of many, the fullest.</summary>
    public static IReadOnlyList<string> LanesOf(QueueView queue)
    {
        LaneView[] shown = [.. queue.Lanes.Count <= MostLanes ? queue.Lanes : queue.Lanes.Where(lane => lane.Ready > 0).OrderByDescending(lane => lane.Ready).Take(MostLanes)];
        string[] lines = [.. shown.Select(LineOf)];
        return queue.Lanes.Count <= MostLanes ? lines : [$"{Words.Count(queue.Lanes.Count)} lanes, {Words.Count(queue.Lanes.Count(lane => lane.Ready > 0))} with tasks", .. lines];
    }

    /// <summary>A line for each of the keys that have waited the longest.</summary>
    public static IEnumerable<string> KeysOf(QueueView queue) => queue.Keys.Take(MostKeys).Select(key =>
        $"{key.Key}: {(key.Waiting == WaitingKey.Most ? "over " : "")}{Words.Count(key.Waiting)} waiting, for {Words.Duration(key.Oldest)}");

    private static string LineOf(LaneView lane) =>
        $"{(lane.Name.Length == 0 ? "first lane" : lane.Name)}: {Words.Count(lane.Ready)} ready{(lane.MaxRunning is { } most ? $", at most {Words.Count(most)} at once, {Words.Count(lane.Permits)} taken" : "")}{(lane.Rate is { } rate ? $", at most {rate}" : "")}";
}

/// <summary>The workers that are alive.</summary>
internal sealed record WorkersModel(IReadOnlyList<WorkerInfo> Workers);
