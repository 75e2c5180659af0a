using WorkQueue.Board.ReadModel;

namespace WorkQueue.Board.Pages.Models;

/// <summary>What a page shows of a chain: of a long one the part around its task.</summary>
/// <param name="Place">The task's place.</param>
/// <param name="Before">So many tasks before those that are shown.</param>
/// <param name="Steps">Those that are shown.</param>
/// <param name="After">So many after them.</param>
internal sealed record ChainWindow(int Place, int Before, IReadOnlyList<ChainStepView> Steps, int After)
{
    private const int Most = 20;
    private const int MostBefore = 5;

    public static ChainWindow? Of(ChainView? chain)
    {
        if (chain is null)
        {
            return null;
        }

        int before = Math.Clamp(chain.Place.Place - MostBefore, 0, Math.Max(0, chain.Steps.Count - Most));
        ChainStepView[] shown = [.. chain.Steps.Skip(before).Take(Most)];
        return new ChainWindow(chain.Place.Place, before, shown, chain.Steps.Count - before - shown.Length);
    }
}
