using System.Globalization;
using WorkQueue.Board.Calls;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>The calls below <c>/dead-letters</c>.</summary>
internal static class DeadLetterEndpoints
{
    private const int MaxListed = 500;
    private const int MaxMoved = 100_000;
    // Of letters that are shown whole.
    private const int MaxWhole = 10;

    public static void MapDeadLetters(this IEndpointRouteBuilder app)
    {
        RouteGroupBuilder letters = app.MapGroup("").WithTags("Dead letters");
        letters.MapGet("/dead-letters", ListAsync)
            .Produces<DeadLetterPage>()
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status422UnprocessableEntity).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueListDeadLetters").WithSummary($"Dead letters, the oldest of each queue first, from the history of tasks; looking changes nothing. Payloads of more than {DeadLetterView.MaxPayloadBytes / 1024} KiB are left out, except of those asked for by id, at most {MaxWhole} a call.");
        letters.MapPost("/dead-letters/redrive", RedriveAsync)
            .Produces<Moved>()
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status422UnprocessableEntity).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueRedriveDeadLetters").WithSummary("Puts dead letters back into their queues, each confirmed before it is taken away.");
        letters.MapPost("/dead-letters/discard", DiscardAsync)
            .Produces<Moved>()
            .ProducesProblem(StatusCodes.Status400BadRequest).ProducesProblem(StatusCodes.Status422UnprocessableEntity).ProducesProblem(StatusCodes.Status503ServiceUnavailable)
            .WithName("WorkQueueDiscardDeadLetters").WithSummary("Takes dead letters away for good.");
    }

    private static async Task<DeadLetterPage> ListAsync(
        LetterList letters, string? id, string? queue, string? type, string? error, string? limit, string? cursor, CancellationToken cancellationToken)
    {
        int count = id is null ? QueryValues.Limit(limit, MaxListed, 100) : QueryValues.Limit(limit, MaxWhole, MaxWhole);
        int skip = SkipOf(cursor);
        // One more than asked for tells whether there is a next page.
        HashSet<string>? ids = id is null ? null : new(StringComparer.Ordinal) { id };
        DeadLetterFilter filter = new() { Ids = ids, Queue = queue, Type = type, Error = error, Skip = skip, Limit = count + 1, MaxPayloadBytes = id is null ? DeadLetterView.MaxPayloadBytes : null };
        (IReadOnlyList<DeadLetter> found, string? note) = await letters.ListAsync(filter, cancellationToken);
        string? next = found.Count > count ? (skip + count).ToString(CultureInfo.InvariantCulture) : null;
        return new DeadLetterPage([.. found.Take(count).Select(DeadLetterView.Of)], next, note);
    }

    // A queue has no bookmarks: the next page passes over the letters of those before it.
    private static int SkipOf(string? cursor) => cursor is null ? 0
        : int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out int skip) && skip <= MaxMoved ? skip
        : throw new BadHttpRequestException($"cursor is '{cursor}'; send the 'next' of an earlier answer.");

    private static async Task<Moved> RedriveAsync(HttpRequest request, IDeadLetters letters, LetterList list, CancellationToken cancellationToken) =>
        await MoveAsync(request, list, letters.RedriveAsync, cancellationToken);

    private static async Task<Moved> DiscardAsync(HttpRequest request, IDeadLetters letters, LetterList list, CancellationToken cancellationToken) =>
        await MoveAsync(request, list, letters.DiscardAsync, cancellationToken);

    private static async Task<Moved> MoveAsync(
        HttpRequest request, LetterList list, Func<DeadLetterFilter, CancellationToken, Task<int>> move, CancellationToken cancellationToken)
    {
        DeadLetterSelection selection = await TaskRequestReader.ReadStrictAsync<DeadLetterSelection>(request, cancellationToken);
        DeadLetterFilter filter = FilterOf(selection);
        // Before it begins: of one that ends half-way it is told what was asked for.
        Audit.Note(request.HttpContext, $"{TextOf(selection)}not to its end");
        int count = selection.DryRun ? await list.CountAsync(filter, cancellationToken) : await move(filter, cancellationToken);
        Audit.Note(request.HttpContext, $"{TextOf(selection)}{(selection.DryRun ? "dry run, " : "")}{count} moved");
        return new Moved(count);
    }

    private static string TextOf(DeadLetterSelection selection)
    {
        (string Name, string? Value)[] parts = [("queue", selection.Queue), ("type", selection.Type), ("error", selection.Error), ("ids", selection.Ids is { } ids ? string.Join(' ', ids) : null)];
        return string.Concat(parts.Where(part => part.Value is not null).Select(part => $"{part.Name} {part.Value}, "));
    }

    private static DeadLetterFilter FilterOf(DeadLetterSelection selection)
    {
        // Everything is a lot to move by an empty object: it has to be asked for by naming a queue.
        if (selection is { Ids: null, Queue: null, Type: null, Error: null })
        {
            throw new BadHttpRequestException("Say which dead letters: ids, queue, type or error.");
        }

        if (selection.PerSecond is < 1 or > 10_000)
        {
            throw new BadHttpRequestException($"perSecond is {selection.PerSecond}; it is 1 to 10000.");
        }

        return new DeadLetterFilter
        {
            Ids = selection.Ids?.ToHashSet(StringComparer.Ordinal),
            Queue = selection.Queue,
            Type = selection.Type,
            Error = selection.Error,
            // Not the number of ids: each may have several letters.
            Limit = Within(selection.Limit ?? MaxMoved, MaxMoved),
            PerSecond = selection.PerSecond,
        };
    }

    private static int Within(int limit, int most) =>
        limit >= 1 && limit <= most ? limit : throw new BadHttpRequestException($"limit is {limit}; it is 1 to {most}.");
}

/// <summary>Which dead letters to move: those that fit everything that is given.</summary>
/// <param name="Ids">Their task ids; all letters of each.</param>
/// <param name="Queue">Their queue.</param>
/// <param name="Type">Their task type.</param>
/// <param name="Error">A part of their reason or error.</param>
/// <param name="Limit">At most so many of them, the oldest first.</param>
/// <param name="PerSecond">At most so many a second.</param>
/// <param name="DryRun">Only count them.</param>
internal sealed record DeadLetterSelection(
    IReadOnlyList<string>? Ids = null, string? Queue = null, string? Type = null, string? Error = null, int? Limit = null, int? PerSecond = null, bool DryRun = false);

/// <summary>A part of the dead letters.</summary>
/// <param name="Items">The letters.</param>
/// <param name="Next">The cursor of the next part, or null.</param>
/// <param name="Note">In what the list may be incomplete; null where it is not.</param>
internal sealed record DeadLetterPage(IReadOnlyList<DeadLetterView> Items, string? Next, string? Note);

/// <summary>How many were moved; of a dry run, would be.</summary>
/// <param name="Count">The number.</param>
internal sealed record Moved(int Count);
