using WorkQueue.Messaging;
using WorkQueue.Messaging.Leading;
using WorkQueue.Messaging.Publishing;
using WorkQueue.Messaging.Unique;
using WorkQueue.Messaging.Wire;

namespace WorkQueue.Tests.Unit;

public sealed class UniqueRulesTests
{
    public static TheoryData<UniqueOptions, string?, string> Wrong => new()
    {
        { new UniqueOptions { Key = "" }, null, "unique.key has 1 to 255 bytes" },
        { new UniqueOptions { Key = new string('é', 128) }, null, "unique.key has 1 to 255 bytes" },
        { new UniqueOptions { For = TimeSpan.Zero }, null, "unique.for is '00:00:00'" },
        { new UniqueOptions { For = TimeSpan.FromDays(49) }, null, "unique.for is '49.00:00:00'" },
        { new UniqueOptions { Then = (UniqueRule)7 }, null, "unique.then is '7'" },
        { new UniqueOptions { Then = UniqueRule.Replace, For = TimeSpan.FromHours(1) }, null, "unique.then is replace" },
        { new UniqueOptions { Then = UniqueRule.Debounce, For = TimeSpan.FromHours(1) }, "00:00:05", "unique.then is debounce" },
        { new UniqueOptions { Then = UniqueRule.Debounce }, null, "the task has no delay" },
        { new UniqueOptions { Then = UniqueRule.Debounce }, "00:00:00", "the task has no delay" },
        { new UniqueOptions { Then = UniqueRule.Debounce, Limit = TimeSpan.FromSeconds(1) }, "00:00:05", "unique.limit is '00:00:01'" },
        { new UniqueOptions { Limit = TimeSpan.FromSeconds(1) }, null, "unique.limit is for debounce" },
    };

    [Theory]
    [MemberData(nameof(Wrong))]
    public void What_cannot_be_is_refused_with_its_field_and_what_is_allowed(UniqueOptions unique, string? delay, string message)
    {
        InvalidTaskException wrong = Assert.Throws<InvalidTaskException>(() => UniqueRules.Check(unique, delay is null ? null : TimeSpan.Parse(delay, System.Globalization.CultureInfo.InvariantCulture)));
        Assert.Equal(InvalidTaskReason.Malformed, wrong.Reason);
        Assert.Contains(message, wrong.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_debounced_task_is_put_off_for_ten_delays_at_most_where_nothing_else_is_said()
    {
        UniqueOptions debounce = new() { Then = UniqueRule.Debounce };
        UniqueRules.Check(debounce, TimeSpan.FromSeconds(5));
        Assert.Equal(TimeSpan.FromSeconds(50), UniqueRules.LimitOf(debounce, TimeSpan.FromSeconds(5)));
        Assert.True(UniqueRules.LimitOf(debounce, TimeSpan.FromDays(40)) < TimeSpan.FromDays(49));
        Assert.Equal(TimeSpan.FromSeconds(7), UniqueRules.LimitOf(debounce with { Limit = TimeSpan.FromSeconds(7) }, TimeSpan.FromSeconds(5)));
    }

    [Fact]
    public void A_key_is_called_by_queue_type_and_key_or_payload()
    {
        TaskMessage message = new() { Id = "1", Type = "t", Queue = "q", Body = "\"x\""u8.ToArray(), ContentType = "application/json" };
        UniqueOptions byKey = new() { Key = "\"x\"" };
        string[] scopes =
        [
            UniqueRules.ScopeOf(byKey, message), UniqueRules.ScopeOf(new UniqueOptions(), message), UniqueRules.ScopeOf(byKey, message with { Queue = "q2" }),
            UniqueRules.ScopeOf(byKey, message with { Type = "t2" }), UniqueRules.ScopeOf(new UniqueOptions(), message with { ContentType = "text/plain" }),
        ];
        Assert.Equal(scopes.Length, scopes.Distinct().Count());
        Assert.Equal(scopes[0], UniqueRules.ScopeOf(byKey, message with { Body = "other"u8.ToArray(), Id = "2" }));
    }

    [Fact]
    public void Held_keys_are_read_from_the_log_as_they_were_written()
    {
        DateTimeOffset now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        UniqueTask task = new() { Id = "1", Type = "t", Queue = "q", Body = "x"u8.ToArray(), Chain = new ChainLink("1", 0, "[{\"type\":\"t\"}]", null) };
        UniqueClaim held = new("k", "1", 0, now, now.AddDays(7), null, "by1", task);
        UniqueKeys keys = new();
        keys.Read(new LeaderEntry(UniqueEntries.Held, UniqueEntries.Write(held), "by1"));
        Assert.Equal("x"u8, Assert.Single(keys.Placing).Placing!.Body.Span);
        Assert.Equal(task.Chain, keys.Find("k", now)!.Placing!.Chain);

        keys.Read(new LeaderEntry(LeaderLog.Answered, default, "by2"));
        Assert.Single(keys.Placing);
        keys.Read(new LeaderEntry(LeaderLog.Answered, default, "by1"));
        Assert.Empty(keys.Placing);
        Assert.NotNull(keys.Find("k", now));

        UniqueKeys anew = new();
        anew.Read(new LeaderEntry(UniqueEntries.Some, UniqueEntries.Write([.. keys.All])));
        Assert.Equal(keys.Find("k", now), anew.Find("k", now));
        anew.Read(new LeaderEntry(UniqueEntries.Freed, UniqueEntries.Write(new UniqueScope("k"))));
        Assert.Equal(0, anew.Count);
        keys.Read(new LeaderEntry(UniqueEntries.Held, "no JSON"u8.ToArray()));
    }

    [Fact]
    public void Keys_whose_time_is_over_are_free_and_forgotten()
    {
        DateTimeOffset now = new(2030, 1, 1, 0, 0, 0, TimeSpan.Zero);
        UniqueKeys keys = new();
        keys.Set(new UniqueClaim("short", "1", 0, now, now.AddSeconds(10), null, null));
        keys.Set(new UniqueClaim("long", "2", 0, now, now.AddDays(1), null, null));
        Assert.Null(keys.Find("short", now.AddSeconds(10)));
        Assert.NotNull(keys.Find("long", now.AddSeconds(10)));
        keys.Expire(now.AddMinutes(2));
        Assert.Equal(1, keys.Count);
    }

    [Fact]
    public void The_first_text_of_a_command_is_what_it_is_about()
    {
        Assert.Equal("k", new LeaderEntry("x", """{"scope":"k","task":{"id":"1"}}"""u8.ToArray()).FirstText());
        Assert.Equal("", new LeaderEntry("x", "{\"a\":1,"u8.ToArray()).FirstText());
        Assert.Equal("", new LeaderEntry("x", default).FirstText());
    }
}
