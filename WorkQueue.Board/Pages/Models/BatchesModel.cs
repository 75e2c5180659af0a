using System.Globalization;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>The batches; or why they are not known.</summary>
internal sealed record BatchesModel(IReadOnlyList<BatchRow> Batches, string? Problem)
{
    /// <summary>So many dead letters of a batch are linked to.</summary>
    public const int MostDead = 5;
}

/// <summary>A batch, and the first of its dead letters.</summary>
internal sealed record BatchRow(TaskBatch Batch, IReadOnlyList<BatchMember> Dead)
{
    /// <summary>The parts of its bar: how many, in which colour, from where and how wide in percent.</summary>
    public IReadOnlyList<BatchPart> Parts
    {
        get
        {
            (string Class, string Name, int Count)[] counts =
                [("s-succeeded", "succeeded", Batch.Succeeded), ("s-deadlettered", "dead-lettered", Batch.DeadLettered), ("s-cancelled", "cancelled", Batch.Cancelled), ("s-pending", "pending", Batch.Pending)];
            List<BatchPart> parts = [];
            double left = 0;
            foreach ((string style, string name, int count) in counts.Where(part => part.Count > 0))
            {
                double width = 100.0 * count / Batch.Total;
                parts.Add(new BatchPart(style, name, count, Percent(left), Percent(width)));
                left += width;
            }

            return parts;
        }
    }

    /// <summary>The parts in words.</summary>
    public string Text => Batch.Total == 0 ? "no tasks" : string.Join(", ", Parts.Select(part => $"{Words.Count(part.Count)} {part.Name}"));

    /// <summary>What it may still be cancelled from.</summary>
    public bool CanEnd => Batch is { CancelledAt: null, CompletedAt: null };

    public string StateClass => Batch.State switch
    {
        BatchState.Open => "s-queued",
        BatchState.Running => "s-running",
        BatchState.Succeeded => "s-succeeded",
        BatchState.Complete => Batch.DeadLettered > 0 ? "s-deadlettered" : "s-retrying",
        _ => "s-cancelled",
    };

    private static string Percent(double percent) => percent.ToString("0.##", CultureInfo.InvariantCulture);
}

/// <summary>A part of a bar.</summary>
internal sealed record BatchPart(string Class, string Name, int Count, string Left, string Width);
