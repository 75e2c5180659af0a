using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>
/// What the program that leads does for queues and lanes with a rate: it says how many of their tasks each worker may start. All of it is in memory. Who leads next
/// knows nothing of what was used, and takes it that it was all that may be.
/// </summary>
internal sealed class RateKeeper(TimeProvider clock) : ILeaderDuty
{
    private readonly Lock _lock = new();

    // By the name of a queue, or the key of a lane.
    private readonly Dictionary<string, RateBook> _books = new(StringComparer.Ordinal);
    private long _since;

    private long Now => clock.GetElapsedTime(0).Ticks;

    public void Read(LeaderEntry entry)
    {
        // Nothing of it is in the log.
    }

    public void Forget()
    {
        // Nor does the log's end change anything.
    }

    public void Begin()
    {
        lock (_lock)
        {
            _books.Clear();
            _since = Now;
        }
    }

    public string? ThingOf(LeaderEntry command) => command.Kind == RateEntries.Ask ? $"rate {command.FirstText()}" : null;

    public async Task<IReadOnlyList<LeaderAnswer>> ObeyAsync(IReadOnlyList<LeaderEntry> commands, ILeaderSession session)
    {
        Dictionary<(string ReplyTo, string Name), RateAnswer> answers = [];
        foreach (LeaderEntry command in commands)
        {
            if (RateEntries.ReadAsk(command.Body) is { } ask && Answer(ask) is { } answer)
            {
                // Of several the last alone is waited for.
                answers[(ask.ReplyTo, ask.Name)] = answer;
            }
        }

        await Task.WhenAll(answers.Select(answer => ReplyAsync(session, answer.Key.ReplyTo, answer.Value)));
        return new LeaderAnswer[commands.Count];
    }

    private static async Task ReplyAsync(ILeaderSession session, string replyTo, RateAnswer answer)
    {
        try
        {
            await session.ReplyAsync(replyTo, new LeaderEntry(RateEntries.Answer, RateEntries.Write(answer)));
        }
        catch (PublishFailedException refused) when (refused.Outcome is PublishOutcome.Refused or PublishOutcome.Returned)
        {
            // Who asked asks again.
        }
    }

    public Task<DateTimeOffset?> WorkAsync(ILeaderSession session, CancellationToken stopping) => Task.FromResult<DateTimeOffset?>(null);

    public Task WriteAllAsync(ILeaderSession session) => Task.CompletedTask;

    // What was never asked for since this program leads was never used either.
    private RateAnswer? Answer(RateAsk ask)
    {
        TaskRate rate = ask.Rate;
        lock (_lock)
        {
            if (!_books.TryGetValue(ask.Name, out RateBook? book))
            {
                book = _books[ask.Name] = new RateBook(rate, _since);
            }
            else if (book.IsOver(ask.Worker, rate, Now))
            {
                // Of two the lower holds; a changed one begins as under a new leader.
                book = _books[ask.Name] = new RateBook(rate, Now);
            }

            return book.Answer(ask, Now);
        }
    }
}
