using Microsoft.Extensions.Options;
using WorkQueue.Messaging;

namespace WorkQueue.Producer.History;

/// <summary>A part of the dead letters.</summary>
/// <param name="Letters">The letters.</param>
/// <param name="Note">In what they may be incomplete; null where they are not.</param>
internal sealed record LetterPage(IReadOnlyList<DeadLetter> Letters, string? Note);

/// <summary>
/// Lists dead letters from the history: to look at a queue is to take its messages and give them back, which counts as deliveries. The queues are read
/// only for what the history cannot tell of.
/// </summary>
internal sealed class LetterList(TaskProjection projection, ITaskHistory history, IDeadLetters letters, IQueueCounts counts, HistorySettings settings, IOptions<WorkQueueOptions> options)
{
    private const int ReadsAtOnce = 8;

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

        LetterEntry[] known = projection.Letters();
        LetterEntry[] fitting = Fitting(known, filter);
        LetterEntry[] asked = [.. fitting.Skip(filter.Skip).Take(filter.Limit)];
        DeadLetter[] page = await ReadAsync(asked, filter.MaxPayloadBytes, cancellationToken);
        DeadLetterFilter others = filter with { IsOutsideHistory = true, Skip = Math.Max(0, filter.Skip - fitting.Length), Limit = filter.Limit - page.Length };
        IReadOnlyList<DeadLetter> more = others.Limit > 0 && HasOthers(filter) ? await letters.ListAsync(others, cancellationToken) : [];
        return new LetterPage([.. page, .. more], NoteOf(known, filter));
    }

    /// <summary>Counts the letters that fit, at most as many as the filter's limit.</summary>
    /// <inheritdoc cref="ListAsync"/>
    public async Task<int> CountAsync(DeadLetterFilter filter, CancellationToken cancellationToken)
    {
        if (!IsTold(filter))
        {
            return await letters.CountAsync(filter, cancellationToken);
        }

        int count = Math.Min(filter.Limit, Fitting(projection.Letters(), filter).Length);
        return count < filter.Limit && HasOthers(filter)
            ? count + await letters.CountAsync(filter with { IsOutsideHistory = true, Limit = filter.Limit - count }, cancellationToken)
            : count;
    }

    // Letters of subscriptions are not in the history; a queue nobody knows is refused by the queue's own reader.
    private bool IsTold(DeadLetterFilter filter) =>
        !settings.IsOff && settings.KeepsPayloads && !projection.Progress.IsReplaying && (filter.Queue is null || _queues.Contains(filter.Queue));

    private LetterEntry[] Fitting(LetterEntry[] known, DeadLetterFilter filter) =>
        [.. known.Where(letter => letter.Fits(filter) && _queues.Contains(letter.Queue)).OrderBy(letter => Array.IndexOf(_queues, letter.Queue))];

    // What the history does not tell of is looked for only where there is something.
    private bool HasOthers(DeadLetterFilter filter) =>
        counts.Unrouted > 0 || (filter.Queue is null && counts.Current.Any(count => count is { IsSubscription: true, Dead: > 0 }));

    private async Task<DeadLetter[]> ReadAsync(LetterEntry[] asked, int? maxPayloadBytes, CancellationToken cancellationToken)
    {
        int size = Math.Max(1, (asked.Length + ReadsAtOnce - 1) / ReadsAtOnce);
        IReadOnlyList<HistoryRecord>[] read = await Task.WhenAll(
            asked.Select(letter => letter.Offset).Order().Chunk(size).Select(offsets => history.ReadAsync(offsets, cancellationToken)));
        Dictionary<long, HistoryRecord> records = read.SelectMany(part => part).ToDictionary(record => record.Offset);
        // A history that was deleted and made anew gives old offsets to other tasks.
        return [.. asked.Select(letter => Of(letter, records.TryGetValue(letter.Offset, out HistoryRecord? record) && record.TaskId == letter.Id ? record : null, maxPayloadBytes))];
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
        PayloadBytes = record?.Body.Length ?? 0,
        Payload = record is null || record.Body.Length > maxPayloadBytes ? ReadOnlyMemory<byte>.Empty : record.Body,
        Headers = record?.Headers ?? new Dictionary<string, object?>(StringComparer.Ordinal),
    };

    private string? NoteOf(LetterEntry[] known, DeadLetterFilter filter)
    {
        if (counts.Current.Count == 0 || counts.Unrouted is null)
        {
            return "The queues cannot be counted at the moment, so this list is not compared with them; events of subscriptions and tasks that found no queue may be missing.";
        }

        QueueCount[] counted = [.. counts.Current.Where(count => !count.IsSubscription && (filter.Queue is null || filter.Queue == count.Queue))];
        long onBroker = counted.Sum(count => count.Dead);
        long told = known.LongCount(letter => counted.Any(count => count.Queue == letter.Queue));
        // One that cannot be counted for itself is missing.
        return counted.Length == 0 || onBroker == told ? null
            : $"The broker counted {onBroker} dead letters at most a second ago, and the history, which this list is from, tells of {told}. Where that stays so, letters are older than the history or came without an id, or somebody emptied a queue; a redrive or discard of a whole queue moves what the broker has.";
    }
}
