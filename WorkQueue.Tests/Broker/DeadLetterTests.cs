using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using RabbitMQ.Client;
using WorkQueue.Messaging;
using WorkQueue.Messaging.DeadLetters;
using WorkQueue.Messaging.Topology;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Broker;

[Collection(BrokerTests.Name)]
public sealed class DeadLetterTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task Looking_at_letters_fifty_times_changes_neither_their_number_nor_their_order()
    {
        await using TestQueue queue = new(broker);
        (IDeadLetters letters, string[] ids) = await DeadAsync(queue, "a", "b", "c");
        for (int look = 0; look < 50; look++)
        {
            Assert.Equal(ids, (await letters.ListAsync(new DeadLetterFilter())).Select(letter => letter.Id));
        }
    }

    [BrokerFact]
    public async Task Letters_can_be_looked_at_page_by_page()
    {
        await using TestQueue queue = new(broker);
        (IDeadLetters letters, string[] ids) = await DeadAsync(queue, "a", "b", "c");
        Assert.Equal(ids[1..], (await letters.ListAsync(new DeadLetterFilter { Skip = 1, Limit = 2 })).Select(letter => letter.Id));
        Assert.Empty(await letters.ListAsync(new DeadLetterFilter { Skip = 3 }));
    }

    [BrokerFact]
    public async Task A_letter_whose_next_run_was_cancelled_is_redriven_above_that_and_runs()
    {
        await using TestQueue queue = new(broker);
        (IDeadLetters letters, string[] ids) = await DeadAsync(queue, "a");
        await queue.Last.Services.GetRequiredService<ITaskControl>().CancelAsync([new TaskToCancel(ids[0], "probe", "default", 1, Redriven: 1, Running: false)]);
        Assert.Equal(1, await letters.RedriveAsync(new DeadLetterFilter()));
        await queue.WorkerAsync();
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 2, "it runs again");
    }

    [BrokerFact]
    public async Task All_letters_of_one_id_are_listed_redriven_and_discarded()
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        await PutAsync(queue, ("one", "a"), ("one", "b"), ("one", "c"));
        await UntilDeadAsync(letters, 3);
        Assert.Equal(["a", "b", "c"], (await letters.ListAsync(new DeadLetterFilter())).Select(TextOf));
        DeadLetterFilter its = new() { Ids = new HashSet<string> { "one" } };
        Assert.Equal(3, await letters.CountAsync(its));
        Assert.Equal(3, await letters.RedriveAsync(its));
        await Eventually.EqualAsync(3, async () => await queue.ReadyAsync(), "all are back in their queue");
        Assert.Equal(0, await letters.CountAsync(its));
        await PutAsync(queue, ("one", "a"), ("one", "b"), ("two", "c"));
        await UntilDeadAsync(letters, 3);
        Assert.Equal(2, await letters.DiscardAsync(its));
        Assert.Equal("two", Assert.Single(await letters.ListAsync(new DeadLetterFilter())).Id);
    }

    [BrokerFact]
    public async Task A_redrive_that_no_queue_takes_is_told_by_the_history_and_leaves_the_letter()
    {
        await using TestQueue queue = new(broker, ("HistoryPayloads", "false"));
        await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        await PutAsync(queue, ("one", "a"));
        await UntilDeadAsync(letters, 1);
        await using IChannel plain = await queue.PlainChannelAsync();
        await plain.QueueDeleteAsync($"{queue.Prefix}.default");
        Assert.Equal(PublishOutcome.Returned, (await Assert.ThrowsAsync<TaskNotEnqueuedException>(() => letters.RedriveAsync(new DeadLetterFilter()))).Outcome);
        using CancellationTokenSource limit = new(TestEnvironment.Patience);
        await foreach (IReadOnlyList<HistoryRecord> group in queue.Last.Services.GetRequiredService<ITaskHistory>().FollowAsync(null, limit.Token))
        {
            if (group.Any(record => record is { TaskId: "one", State: TaskState.Cancelled, Reason: IDeadLetters.NotRedriven, Redriven: 1 }))
            {
                break;
            }
        }

        Assert.Single(await letters.ListAsync(new DeadLetterFilter()));
    }

    [BrokerFact]
    public async Task A_task_that_dies_again_at_once_is_redriven_once()
    {
        await using TestQueue queue = new(broker);
        await queue.WorkerAsync((text, _) => throw new TaskRejectedException($"no: {text}"));
        ITaskQueue producer = await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        await producer.ProbeAsync("a");
        await producer.ProbeAsync("b");
        await UntilDeadAsync(letters, 2);
        Assert.Equal(2, await letters.RedriveAsync(new DeadLetterFilter { PerSecond = 2 }));
        await UntilDeadAsync(letters, 2);
        Assert.All(await letters.ListAsync(new DeadLetterFilter()), letter => Assert.Equal(1, letter.Redriven));
    }

    [BrokerFact]
    public async Task Letters_given_back_in_between_are_neither_handled_twice_nor_missed()
    {
        const int Count = 50;
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        // Two letters of each id, so that they cannot be told apart by it; none is held for longer than it takes to look at it.
        await PutAsync(queue, [.. Enumerable.Range(0, Count).Select(number => ($"{number % 25}", number % 2 == 0 ? "even" : "odd"))]);
        await UntilDeadAsync(letters, Count);
        queue.Last.Services.GetRequiredService<LetterWalk>().Round = TimeSpan.Zero;
        Assert.Equal(Count, (await letters.ListAsync(new DeadLetterFilter())).Count);
        Assert.Equal(7, (await letters.ListAsync(new DeadLetterFilter { Skip = Count - 7 })).Count);
        Assert.Equal(Count / 2, await letters.RedriveAsync(new DeadLetterFilter { Error = "odd" }));
        await Eventually.EqualAsync(Count / 2, async () => await queue.ReadyAsync(), "the odd ones are back in their queue");
        IReadOnlyList<DeadLetter> rest = await letters.ListAsync(new DeadLetterFilter());
        Assert.Equal((Count / 2, true), (rest.Count, rest.All(letter => TextOf(letter) == "even")));
    }

    [BrokerFact]
    public async Task A_list_can_leave_out_large_payloads_and_what_is_moved_is_whole()
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        await PutAsync(queue, ("small", "12345678"), ("large", "123456789"));
        await UntilDeadAsync(letters, 2);
        DeadLetterFilter filter = new() { MaxPayloadBytes = 10 };
        Assert.Equal([("12345678", 10), ("", 11)], (await letters.ListAsync(filter)).Select(letter => (TextOf(letter), letter.PayloadBytes)));
        Assert.Equal(2, await letters.RedriveAsync(filter));
        await queue.TakeAsync("default");
        Assert.Equal("\"123456789\""u8.ToArray(), (await queue.TakeAsync("default")).Body.ToArray());
    }

    [BrokerFact]
    public async Task A_letter_tells_what_it_was_and_why_it_is_dead()
    {
        await using TestQueue queue = new(broker);
        (IDeadLetters letters, string[] ids) = await DeadAsync(queue, "a");
        DeadLetter letter = Assert.Single(await letters.ListAsync(new DeadLetterFilter { Queue = "default" }));
        Assert.Equal((ids[0], "probe", "default", "no: a", 1, 0), (letter.Id, letter.Type, letter.Queue, letter.Reason, letter.Attempt, letter.Redriven));
        Assert.Equal("\"a\""u8.ToArray(), letter.Payload.ToArray());
        Assert.NotNull(letter.DeadAt);
        Assert.NotNull(letter.EnqueuedAt);
    }

    [BrokerFact]
    public async Task A_redriven_letter_runs_again_under_its_id_as_attempt_1_and_counts_its_redrives()
    {
        bool fail = true;
        await using TestQueue queue = new(broker);
        IHost worker = await queue.WorkerAsync((text, _) => fail ? throw new TaskRejectedException($"no: {text}") : Task.FromResult<object?>(null));
        ITaskQueue producer = await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        EnqueuedTask task = await producer.ProbeAsync("a");
        await UntilDeadAsync(letters, 1);
        Assert.Equal(1, await letters.RedriveAsync(new DeadLetterFilter()));
        await UntilDeadAsync(letters, 1);
        Assert.Equal(1, (await letters.ListAsync(new DeadLetterFilter())).Single().Redriven);
        fail = false;
        Assert.Equal(1, await letters.RedriveAsync(new DeadLetterFilter { Ids = new HashSet<string> { task.Id } }));
        await Eventually.TrueAsync(() => queue.Runs.All.Count == 3, "the third run");
        await worker.StopAsync();
        Assert.All(queue.Runs.All, run => Assert.Equal((task.Id, 1), (run.Context.Id, run.Context.Attempt)));
        Assert.Empty(await letters.ListAsync(new DeadLetterFilter()));
    }

    [BrokerFact]
    public async Task Only_the_letters_that_fit_are_moved_and_the_others_stay_in_order()
    {
        await using TestQueue queue = new(broker);
        (IDeadLetters letters, string[] ids) = await DeadAsync(queue, "a", "b", "a", "c");
        Assert.Equal(1, await letters.DiscardAsync(new DeadLetterFilter { Error = "NO: A", Limit = 1 }));
        Assert.Equal([ids[1], ids[2], ids[3]], (await letters.ListAsync(new DeadLetterFilter())).Select(letter => letter.Id));
        Assert.Equal(0, await letters.RedriveAsync(new DeadLetterFilter { Type = "other" }));
        Assert.Equal(1, await letters.DiscardAsync(new DeadLetterFilter { Ids = new HashSet<string> { ids[3], "unknown" } }));
        Assert.Equal([ids[1], ids[2]], (await letters.ListAsync(new DeadLetterFilter())).Select(letter => letter.Id));
    }

    [BrokerFact]
    public async Task Two_operators_who_redrive_the_same_letters_at_once_move_each_once()
    {
        const int Count = 40;
        await using TestQueue queue = new(broker);
        (IDeadLetters letters, _) = await DeadAsync(queue, [.. Enumerable.Range(0, Count).Select(number => $"{number}")]);
        int[] moved = await Task.WhenAll(letters.RedriveAsync(new DeadLetterFilter()), letters.RedriveAsync(new DeadLetterFilter()));
        Assert.Equal(Count, moved.Sum());
        Assert.Equal((uint)Count, await queue.ReadyAsync());
    }

    [BrokerFact]
    public async Task A_delayed_task_that_finds_no_queue_is_shown_as_a_letter_and_holds_up_no_other()
    {
        await using TestQueue queue = new(broker, ("Queues:other:DeliveryLimit", "5"));
        await queue.WorkerAsync();
        ITaskQueue producer = await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        // Each of the two connections of a program declares: the last one would take back what is unbound below.
        await Eventually.TrueAsync(() => queue.Logged.Count(line => line.Contains("Connected to RabbitMQ", StringComparison.Ordinal)) == 4, "all is declared");
        NewTask later = NewTask.Json("probe", "x") with { NotBefore = TimeProvider.System.GetUtcNow().AddSeconds(2) };
        EnqueuedTask lost = await producer.EnqueueAsync(later with { Queue = "other" });
        EnqueuedTask found = await producer.EnqueueAsync(later);
        await using (IChannel plain = await queue.PlainChannelAsync())
        {
            // A queue that is gone would be declared again before the delay is over.
            await plain.QueueUnbindAsync($"{queue.Prefix}.other", $"{queue.Prefix}.delay.deliver", DelayLadder.ExitKey("other"));
        }

        Assert.Equal(found.Id, (await queue.Runs.NextAsync()).Id);
        await UntilDeadAsync(letters, 1);
        DeadLetter letter = Assert.Single(await letters.ListAsync(new DeadLetterFilter()));
        Assert.Equal((lost.Id, "other"), (letter.Id, letter.Queue));
    }

    [BrokerFact]
    public async Task An_unknown_queue_is_refused_with_the_known_ones()
    {
        await using TestQueue queue = new(broker);
        await queue.ProducerAsync();
        InvalidTaskException refusal = await Assert.ThrowsAsync<InvalidTaskException>(
            () => queue.Last.Services.GetRequiredService<IDeadLetters>().ListAsync(new DeadLetterFilter { Queue = "nowhere" }));
        Assert.Equal("No queue 'nowhere'. Known: default.", refusal.Message);
    }

    private static async Task<(IDeadLetters Letters, string[] Ids)> DeadAsync(TestQueue queue, params string[] texts)
    {
        IHost worker = await queue.WorkerAsync((text, _) => throw new TaskRejectedException($"no: {text}"));
        ITaskQueue producer = await queue.ProducerAsync();
        IDeadLetters letters = queue.Last.Services.GetRequiredService<IDeadLetters>();
        List<string> ids = [];
        foreach (string text in texts)
        {
            ids.Add((await producer.ProbeAsync(text)).Id);
        }

        await UntilDeadAsync(letters, texts.Length);
        await worker.StopAsync();
        return (letters, [.. ids]);
    }

    // As the broker itself or another program dead-letters: the reason is the text too.
    private static async Task PutAsync(TestQueue queue, params (string Id, string Text)[] letters)
    {
        await using IChannel plain = await queue.PlainChannelAsync();
        foreach ((string id, string text) in letters)
        {
            BasicProperties properties = new() { MessageId = id, Type = "probe", ContentType = "application/json", Headers = new Dictionary<string, object?> { ["wq-reason"] = text } };
            await plain.BasicPublishAsync($"{queue.Prefix}.dead", "default", true, properties, System.Text.Json.JsonSerializer.SerializeToUtf8Bytes(text));
        }
    }

    private static string TextOf(DeadLetter letter) => letter.Payload.IsEmpty ? "" : System.Text.Json.JsonSerializer.Deserialize<string>(letter.Payload.Span)!;

    private static Task UntilDeadAsync(IDeadLetters letters, int count) =>
        Eventually.EqualAsync(count, async () => (await letters.ListAsync(new DeadLetterFilter())).Count, "so many dead letters");
}
