using System.Globalization;
using WorkQueue.Board.ReadModel.Rows;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>Which dead letters: one, a group, a queue's, or all.</summary>
internal sealed record LetterFilter(string? Id, string? Queue, string? Type, string? Error)
{
    public const int MostAtOnce = 100_000;
    private const int MostPerSecond = 10_000;

    public bool IsEmpty => this is { Id: null, Queue: null, Type: null, Error: null };

    public (string Name, string? Value)[] Values => [("id", Id), ("queue", Queue), ("type", Type), ("error", Error)];

    public static LetterFilter Read(Func<string, string?> value) => new(Text(value("id")), Text(value("queue")), Text(value("type")), Text(value("error")));

    /// <summary>The letters of a group: the longest piece that the errors of all have in common.</summary>
    public static LetterFilter Of(DeadGroup group)
    {
        string common = group.Error.Split('…').MaxBy(piece => piece.Length)?.Trim() ?? "";
        return new LetterFilter(null, group.Queue, group.Type, common.Length > 0 ? common : group.ErrorType);
    }

    public string Url(string path) => BoardUrl.With(path, Values);

    public DeadLetterFilter ToFilter(int skip, int limit, int? perSecond = null) => new()
    {
        Ids = Id is null ? null : new HashSet<string>(StringComparer.Ordinal) { Id },
        Queue = Queue,
        Type = Type,
        Error = Error,
        Skip = skip,
        Limit = limit,
        PerSecond = perSecond,
    };

    /// <summary>The rate a form asks for; null for as fast as it goes.</summary>
    /// <exception cref="BadHttpRequestException">It is none.</exception>
    public static int? PerSecondOf(string? text) => string.IsNullOrWhiteSpace(text) ? null
        : int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int rate) && rate is >= 1 and <= MostPerSecond ? rate
        : throw new BadHttpRequestException($"perSecond is '{text}'; it is 1 to {MostPerSecond}, or nothing for as fast as it goes. Nothing was changed.");

    public override string ToString()
    {
        string?[] parts =
        [
            Id is null ? null : $"of task {Id}",
            Type is null ? null : $"of type {Type}",
            Queue is null ? null : $"in queue {Queue}",
            Error is null ? null : $"with “{Error}”",
        ];
        return string.Join(", ", parts.Where(part => part is not null));
    }

    private static string? Text(string? text) => string.IsNullOrWhiteSpace(text) ? null : text.Trim();
}
