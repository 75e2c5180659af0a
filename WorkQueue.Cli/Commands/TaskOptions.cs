using System.CommandLine;
using System.Globalization;
using System.Text.Json;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary>The options of <c>send</c> that say what kind of task it is and when it runs.</summary>
internal sealed class TaskOptions
{
    private readonly Option<string?> _type = Verb.Text("--type", "The task type; without it a text is a simulate task, a second a dot.");
    private readonly Option<string?> _queue = Verb.Text("--queue", "The queue; without it the one of the type.");
    private readonly Option<TimeSpan?> _delay = Verb.Duration("--delay", "Run it so much later");
    private readonly Option<DateTimeOffset?> _notBefore = Time("--not-before", "Run it at this time or later");
    private readonly Option<DateTimeOffset?> _deadline = Time("--deadline", "Do not start it after this time");

    private readonly Option<string?> _key = Verb.Text("--key", "What it is for, as a tenant; tasks of one key are in one lane of a queue with lanes.");
    private readonly Option<string?> _priority = new Option<string?>("--priority")
    {
        Description = "How urgent it is among the tasks of a queue with priorities: high, normal (as without this) or low.",
        HelpName = "priority",
    }.AcceptOnlyFromAmong("high", "normal", "low");

    private readonly Option<string?> _unique = new("--unique")
    {
        Description = "At most one task of this key at a time, of its queue and type; without a key the payload is it. Prints 'existing' where one is there.",
        HelpName = "key",
        Arity = ArgumentArity.ZeroOrOne,
    };
    private readonly Option<TimeSpan?> _uniqueFor = Verb.Duration("--unique-for", "Hold the key so long, not until the task has ended");
    private readonly Option<string?> _uniqueThen = new Option<string?>("--unique-then")
    {
        Description = "What becomes of the task where the key is held: skip (as it is without this), replace or debounce.",
        HelpName = "rule",
    }.AcceptOnlyFromAmong("skip", "replace", "debounce");

    public void AddTo(Command command)
    {
        command.Add(_type);
        command.Add(_queue);
        command.Add(_delay);
        command.Add(_notBefore);
        command.Add(_deadline);
        command.Add(_key);
        command.Add(_priority);
        command.Add(_unique);
        command.Add(_uniqueFor);
        command.Add(_uniqueThen);
    }

    public TaskKind Read(ParseResult parse)
    {
        TaskKind kind = new(parse.GetValue(_type), parse.GetValue(_queue), parse.GetValue(_delay), parse.GetValue(_notBefore), parse.GetValue(_deadline), UniqueOf(parse), parse.GetValue(_key), parse.GetValue(_priority));
        return kind is { Delay: not null, NotBefore: not null }
            ? throw new UsageException("--delay and --not-before say the same thing twice; give one.")
            : kind;
    }

    private UniqueKey? UniqueOf(ParseResult parse)
    {
        TimeSpan? time = parse.GetValue(_uniqueFor);
        string? then = parse.GetValue(_uniqueThen);
        return parse.GetResult(_unique) is not null
            ? new UniqueKey(parse.GetValue(_unique), time?.ToString("c", CultureInfo.InvariantCulture), then)
            : (time, then) is (null, null) ? null : throw new UsageException("--unique-for and --unique-then are for --unique.");
    }

    private static Option<DateTimeOffset?> Time(string name, string description) => new(name)
    {
        Description = $"{description} (ISO 8601, local unless it names an offset: 2030-01-31T18:00, 2030-01-31T17:00Z).",
        HelpName = "time",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!(text.Length > 4 && text[4] == '-' && DateTimeOffset.TryParse(text, CultureInfo.InvariantCulture, DateTimeStyles.AssumeLocal, out DateTimeOffset time)))
            {
                result.AddError($"{name} is '{text}'; a time is 2030-01-31T18:00 or 2030-01-31T17:00:00Z.");
                return null;
            }

            return time.ToUniversalTime();
        },
    };
}

/// <summary>What is the same for every task of one <c>send</c>.</summary>
internal sealed record TaskKind(string? Type, string? Queue, TimeSpan? Delay, DateTimeOffset? NotBefore, DateTimeOffset? Deadline, UniqueKey? Unique, string? Key, string? Priority)
{
    private const string TextType = "simulate";

    /// <summary>A text needs nothing around it.</summary>
    public bool IsPlain => this is { Type: null, Queue: null, Delay: null, NotBefore: null, Deadline: null, Unique: null, Key: null, Priority: null };

    public NewTask OfText(string text) => Of(JsonSerializer.SerializeToElement(new { text }, WireJson.Options));

    public NewTask Of(JsonElement payload) => new(Type ?? TextType, payload, Queue, Delay, NotBefore, Deadline, Unique, Key, Priority);
}
