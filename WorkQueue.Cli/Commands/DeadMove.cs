using WorkQueue.Cli.Api;

namespace WorkQueue.Cli.Commands;

/// <summary>What <c>redrive</c> and <c>discard</c> say afterwards.</summary>
internal static class DeadMove
{
    // As many as one call moves.
    private const int MaxMoved = 100_000;

    public static int Show(Session session, DeadLetterSelection which, Moved moved, string verb)
    {
        bool isDryRun = which.DryRun == true;
        if (session.Printer.IsJson)
        {
            session.Printer.Document(new { count = moved.Count, dryRun = isDryRun });
        }
        else
        {
            session.Printer.Line(isDryRun ? $"would be {verb}: {moved.Count}" : $"{verb}: {moved.Count}");
        }

        if (which.Limit is null && moved.Count >= MaxMoved)
        {
            session.Printer.Note("That is as many as one call takes; run it again for the rest.");
        }

        if (which.Ids is { } ids && moved.Count < Math.Min(ids.Count, which.Limit ?? int.MaxValue))
        {
            session.Printer.Note($"{ids.Count - moved.Count} of the {ids.Count} ids are no dead letters, or none that fits the filter.");
            return ExitCode.NotFound;
        }

        return ExitCode.Done;
    }
}
