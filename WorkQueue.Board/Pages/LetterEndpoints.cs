using System.Globalization;
using WorkQueue.Board.Api;
using WorkQueue.Board.Pages.Models;
using WorkQueue.Board.Pages.Screens;
using WorkQueue.Board.ReadModel;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages;

/// <summary>Dead letters: groups of them, the letters of a group, redrive and discard.</summary>
internal static class LetterEndpoints
{
    private const int MostGroups = 200;
    private const int PageSize = 50;
    // Of letters that are shown whole.
    private const int WholePageSize = 5;

    public static void MapLetters(this IEndpointRouteBuilder board)
    {
        board.MapGet(BoardUrl.Letters, ShowAsync);
        board.MapGet($"{BoardUrl.Letters}/confirm", ConfirmAsync);
        board.MapPost($"{BoardUrl.Letters}/redrive", RedriveAsync);
        board.MapPost($"{BoardUrl.Letters}/discard", DiscardAsync);
    }

    private static async Task<IResult> ShowAsync(
        HttpContext context, LetterList letters, TaskProjection projection, TaskLookup lookup, IQueueCounts counts, BoardWork work, string? cursor, CancellationToken cancellationToken)
    {
        LetterFilter filter = LetterFilter.Read(name => context.Request.Query[name]);
        // While the history is still being read, too: the page says so, and fills by itself.
        bool hasGroups = lookup.State != "off";
        long onBroker = counts.Current.Sum(count => count.Dead);
        if (filter.IsEmpty && hasGroups && cursor is null)
        {
            LettersModel groups = new(filter, projection.DeadGroups(null, MostGroups), null, null, null, onBroker, work.Current, BoardUrl.Api(context));
            return Screen.Show<LettersScreen, LettersModel>(context, groups);
        }

        int skip = SkipOf(cursor);
        int size = filter.Id is null ? PageSize : WholePageSize;
        (IReadOnlyList<DeadLetter> found, string? note) = await letters.ListAsync(
            filter.ToFilter(skip, size + 1) with { MaxPayloadBytes = filter.Id is null ? DeadLetterView.MaxPayloadBytes : null }, cancellationToken);
        string? next = found.Count > size ? BoardUrl.With(BoardUrl.Letters, [.. filter.Values, ("cursor", (skip + size).ToString(CultureInfo.InvariantCulture))]) : null;
        return Screen.Show<LettersScreen, LettersModel>(
            context, new LettersModel(filter, [], [.. found.Take(size)], next, note, onBroker, work.Current, BoardUrl.Api(context)));
    }

    // The dry run: the letters are counted, and nothing is moved.
    private static async Task<IResult> ConfirmAsync(HttpContext context, LetterList letters, string? verb, CancellationToken cancellationToken)
    {
        LetterFilter filter = LetterFilter.Read(name => context.Request.Query[name]);
        bool isRedrive = verb == "redrive";
        if (!isRedrive && verb != "discard")
        {
            throw new BadHttpRequestException($"verb is '{verb}'; it is redrive or discard.");
        }

        int count = await letters.CountAsync(filter.ToFilter(0, LetterFilter.MostAtOnce), cancellationToken);
        string what = $"{Words.Of(count, "dead letter")}{(filter.IsEmpty ? "" : $" {filter}")}";
        return Screen.Show<ConfirmScreen, ConfirmModel>(context, new ConfirmModel
        {
            Title = isRedrive ? $"Redrive {what}" : $"Discard {what}",
            Text = isRedrive
                ? "Each goes back into its queue as attempt 1, under its own id; it is taken away from here only when the broker has confirmed that."
                : "They are taken away for good. Their tasks stay in the list, as cancelled.",
            Count = count,
            IsCapped = count == LetterFilter.MostAtOnce,
            Action = $"{BoardUrl.Letters}/{verb}",
            Verb = isRedrive ? "Redrive them" : "Discard them",
            IsDangerous = !isRedrive,
            HasRate = true,
            Values = filter.Values,
            Back = filter.Url(BoardUrl.Letters),
        });
    }

    private static Task<IResult> RedriveAsync(HttpContext context, IDeadLetters letters, BoardWork work, CancellationToken cancellationToken) =>
        MoveAsync(context, work, "Redrive", "redriven", letters.RedriveAsync, cancellationToken);

    private static Task<IResult> DiscardAsync(HttpContext context, IDeadLetters letters, BoardWork work, CancellationToken cancellationToken) =>
        MoveAsync(context, work, "Discard", "discarded", letters.DiscardAsync, cancellationToken);

    private static async Task<IResult> MoveAsync(
        HttpContext context, BoardWork work, string verb, string done, Func<DeadLetterFilter, CancellationToken, Task<int>> move, CancellationToken cancellationToken)
    {
        IFormCollection form = await context.Request.ReadFormAsync(cancellationToken);
        LetterFilter filter = LetterFilter.Read(name => form[name]);
        int? perSecond = LetterFilter.PerSecondOf(form["perSecond"]);
        string what = $"{verb} dead letters{(filter.IsEmpty ? "" : $" {filter}")}{(perSecond is null ? "" : $", {perSecond} a second")}";
        Flash result = await work.RunAsync(
            what,
            async stopping => $"{Words.Of(await move(filter.ToFilter(0, LetterFilter.MostAtOnce, perSecond), stopping), "dead letter")} {done}.");
        return result.Then(context, form["back"] == "task" && filter.Id is not null ? BoardUrl.Task(filter.Id) : BoardUrl.Letters);
    }

    private static int SkipOf(string? cursor) => cursor is null ? 0
        : int.TryParse(cursor, NumberStyles.None, CultureInfo.InvariantCulture, out int skip) && skip <= LetterFilter.MostAtOnce ? skip
        : throw new BadHttpRequestException($"cursor is '{cursor}'; it is 0 to {LetterFilter.MostAtOnce}.");
}
