using System.Collections.Concurrent;
using Microsoft.Extensions.Options;
using WorkQueue.Board.ReadModel.Store;
using WorkQueue.Messaging;

namespace WorkQueue.Board.ReadModel;

/// <summary>A part of the dead letters.</summary>
/// <param name="Letters">The letters.</param>
/// <param name="Note">In what they may be incomplete; null where they are not.</param>
internal sealed record LetterPage(IReadOnlyList<DeadLetter> Letters, string? Note);

/// <summary>
/// Lists dead letters from the history: to look at a queue is to take its messages and give them back, which counts as deliveries. The queues are read
/// only for what the history cannot tell of, and where they have more than it tells of: a redrive or discard moves what the queues have.
/// </summary>
internal sealed class LetterList(
    TaskProjection projection, ITaskHistory history, IDeadLetters letters, IQueueCounts counts, HistorySettings settings, IOptions<WorkQueueOptions> options, TimeProvider clock)
{
    private const int ReadsAtOnce = 8;

    // Whole payloads, of which a list may keep next to nothing: a page of megabytes is never held at once.
    private const int ReadTogether = 50;

    // Not from the queue meanwhile: to look there is a delivery, and who waits looks often.
    private const string StillRead = "The history is still being read: letters may be missing from this list for the moment.";

    // While tasks die, the two differ for a moment.
    private static readonly TimeSpan Moment = TimeSpan.FromSeconds(5);

    private static readonly TimeSpan LookAgain = TimeSpan.FromMilliseconds(250);

    // What was seen before that has nothing to do with now.
    private static readonly TimeSpan Forgotten = TimeSpan.FromSeconds(10);

    // Where the queues cannot be counted.
    private const int NotKnown = 2;

    // Per queue: which of the two has more, since when, and when that was looked at last.
    private readonly ConcurrentDictionary<string, (int Sign, DateTimeOffset Since, DateTimeOffset Seen)> _differs = new(StringComparer.Ordinal);

    private readonly string[] _queues = [.. options.Value.Queues.Keys.Append(WorkQueueOptions.DefaultQueue).Distinct(StringComparer.Ordinal)];

    /// <summary>The letters that fit, the oldest of each queue first.</summary>
    /// <exception cref="InvalidTaskException">The filter names a queue that does not exist.</exception>
    /// <exception cref="BrokerUnavailableException">The broker is away.</exception>
    public async Task<LetterPage> ListAsync(DeadLetterFilter filter, CancellationToken cancellationToken)
    {
        if (!IsTold(filter))
        {
            return new LetterPage(await letters.ListAsync(filter, cancellationToken), null);
        }

        (Dictionary<string, long> told, LetterEntry[] asked, long fitting) = projection.Read(connection => (
            LetterQueries.ByQueue(connection), LetterQueries.List(connection, filter, QueuesOf(filter)).ToArray(), LetterQueries.Count(connection, filter, QueuesOf(filter))));
        DeadDifference? difference = DifferenceOf(told, filter);
        bool isReplaying = projection.Progress.IsReplaying;
        if (IsLasting(difference, filter) && difference is { Sign: > 0 } && !isReplaying)
        {
            return new LetterPage(await letters.ListAsync(filter, cancellationToken), $"{difference} This list is read from the queues.");
        }

        DeadLetter[] page = await ReadAsync(asked, filter.MaxPayloadBytes, cancellationToken);
        DeadLetterFilter others = filter with { IsOutsideHistory = true, Skip = (int)Math.Max(0, filter.Skip - fitting), Limit = filter.Limit - page.Length };
        IReadOnlyList<DeadLetter> more = others.Limit > 0 && HasOthers(filter) ? await letters.ListAsync(others, cancellationToken) : [];
        return new LetterPage([.. page, .. more], isReplaying ? StillRead : NoteOf(difference));
    }

    /// <summary>Counts the letters that fit, at most as many as the filter's limit.</summary>
    /// <inheritdoc cref="ListAsync"/>
    public async Task<int> CountAsync(DeadLetterFilter filter, CancellationToken cancellationToken)
    {
        if (!IsTold(filter))
        {
            return await letters.CountAsync(filter, cancellationToken);
        }

        if (await FittingAsync(filter, cancellationToken) is not { } fitting)
        {
            // What is counted is what will be moved.
            return await letters.CountAsync(filter, cancellationToken);
        }

        int count = (int)Math.Min(filter.Limit, fitting);
        return count < filter.Limit && HasOthers(filter)
            ? count + await letters.CountAsync(filter with { IsOutsideHistory = true, Limit = filter.Limit - count }, cancellationToken)
            : count;
    }

    // Null: the history does not know, or it cannot be told. While tasks die the two differ for a moment, which is waited for: to look into a queue is a
    // delivery of each letter, and a policy may have the broker drop a letter after a few.
    private async Task<long?> FittingAsync(DeadLetterFilter filter, CancellationToken cancellationToken)
    {
        while (!projection.Progress.IsReplaying)
        {
            (Dictionary<string, long> told, long fitting) = projection.Read(connection => (LetterQueries.ByQueue(connection), LetterQueries.Count(connection, filter, QueuesOf(filter))));
            DeadDifference? difference = DifferenceOf(told, filter);
            if (IsLasting(difference, filter))
            {
                return null;
            }

            if (difference is { Sign: 0 })
            {
                return fitting;
            }

            await Task.Delay(LookAgain, clock, cancellationToken);
        }

        return null;
    }

    // Letters of subscriptions are not in the history; a queue nobody knows is refused by the queue's own reader.
    private bool IsTold(DeadLetterFilter filter) =>
        !settings.IsOff && settings.KeepsPayloads && (filter.Queue is null || _queues.Contains(filter.Queue));

    private string[] QueuesOf(DeadLetterFilter filter) => filter.Queue is { } queue ? [queue] : _queues;

    // What the history does not tell of is looked for only where there is something.
    private bool HasOthers(DeadLetterFilter filter) =>
        counts.Unrouted > 0 || (filter.Queue is null && counts.Current.Any(count => count is { IsSubscription: true, Dead: > 0 }));

    private async Task<DeadLetter[]> ReadAsync(LetterEntry[] asked, int? maxPayloadBytes, CancellationToken cancellationToken)
    {
        List<DeadLetter> page = [];
        foreach (LetterEntry[] part in asked.Chunk(ReadTogether))
        {
            int size = Math.Max(1, (part.Length + ReadsAtOnce - 1) / ReadsAtOnce);
            IReadOnlyList<HistoryRecord>[] read = await Task.WhenAll(
                part.Select(letter => letter.Offset).Order().Chunk(size).Select(offsets => history.ReadAsync(offsets, cancellationToken)));
            Dictionary<long, HistoryRecord> records = read.SelectMany(found => found).ToDictionary(record => record.Offset);
            // A history that was deleted and made anew gives old offsets to other tasks.
            page.AddRange(part.Select(letter => Of(letter, records.TryGetValue(letter.Offset, out HistoryRecord? record) && record.TaskId == letter.Id ? record : null, maxPayloadBytes)));
        }

        return [.. page];
    }

    private static DeadLetter Of(LetterEntry letter, HistoryRecord? record, int? maxPayloadBytes) => new()
    {
        Id = letter.Id,
        Type = letter.Type,
        Queue = letter.Queue,
        Reason = record?.Reason ?? letter.Error?.Reason ?? "no reason given",
        ErrorType = record?.ErrorType ?? letter.Error?.Type,
        Error = record?.Error ?? letter.Error?.Text,
        Attempt = letter.Attempt,
        Redriven = letter.Redriven,
        EnqueuedAt = letter.EnqueuedAt,
        DeadAt = letter.DeadAt,
        ContentType = record?.ContentType,
        PayloadBytes = record?.Body.Length ?? -1,
        Payload = record is null || record.Body.Length > maxPayloadBytes ? ReadOnlyMemory<byte>.Empty : record.Body,
        Headers = record?.Headers ?? new Dictionary<string, object?>(StringComparer.Ordinal),
    };

    // Null while the queues cannot be counted.
    private DeadDifference? DifferenceOf(Dictionary<string, long> told, DeadLetterFilter filter)
    {
        if (counts.Current.Count == 0 || counts.Unrouted is null)
        {
            return null;
        }

        // One that cannot be counted for itself is missing.
        QueueCount[] counted = [.. counts.Current.Where(count => !count.IsSubscription && (filter.Queue is null || filter.Queue == count.Queue))];
        return new DeadDifference(counted.Sum(count => count.Dead), counted.Sum(count => told.GetValueOrDefault(count.Queue)));
    }

    // Whether the two have differed in the same way for longer than a moment.
    private bool IsLasting(DeadDifference? difference, DeadLetterFilter filter)
    {
        int sign = difference?.Sign ?? NotKnown;
        DateTimeOffset now = clock.GetUtcNow();
        (_, DateTimeOffset since, _) = _differs.AddOrUpdate(
            filter.Queue ?? "", _ => (sign, now, now), (_, before) => before.Sign == sign && now - before.Seen <= Forgotten ? before with { Seen = now } : (sign, now, now));
        return sign != 0 && now - since >= Moment;
    }

    private static string? NoteOf(DeadDifference? difference) => difference switch
    {
        null => "The queues cannot be counted at the moment, so this list is not compared with them; events of subscriptions and tasks that found no queue may be missing.",
        { Sign: 0 } => null,
        _ => $"{difference} This list is from the history.",
    };

    private sealed record DeadDifference(long OnBroker, long Told)
    {
        public int Sign => Math.Sign(OnBroker - Told);

        public override string ToString() =>
            $"The broker counted {OnBroker} dead letters at most a second ago, and the history tells of {Told}. Where that stays so, letters are older than the history or came without an id, or somebody emptied a queue; a redrive or discard of a whole queue moves what the broker has.";
    }
}
