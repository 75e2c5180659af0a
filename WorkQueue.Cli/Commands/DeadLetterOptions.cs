using System.CommandLine;
using WorkQueue.Cli.Api;

namespace WorkQueue.Cli.Commands;

/// <summary>Which dead letters: the filters of the <c>dead</c> verbs, and for those that move them how.</summary>
internal sealed class DeadLetterOptions
{
    private readonly Argument<string[]> _ids = new("id") { Description = "Tasks.", Arity = ArgumentArity.ZeroOrMore };
    private readonly Option<string?> _queue = Verb.Text("--queue", "Only those of this queue.");
    private readonly Option<string?> _type = Verb.Text("--type", "Only those of this type.");
    private readonly Option<string?> _error = Verb.Text("--error", "Only those with this text in their reason or error.");
    private readonly Option<int?> _limit = Verb.Number("--limit", "At most so many, the oldest first.");
    private readonly Option<int?> _perSecond = Verb.Number("--per-second", "At most so many a second.");
    private readonly Option<bool> _dryRun = new("--dry-run") { Description = "Only count them." };
    private readonly Option<bool> _all = new("--all") { Description = "All of them, of every queue; needed where nothing else says which." };

    public void AddFiltersTo(Command command)
    {
        command.Add(_queue);
        command.Add(_type);
        command.Add(_error);
        command.Add(_limit);
    }

    public void AddTo(Command command)
    {
        command.Add(_ids);
        AddFiltersTo(command);
        command.Add(_perSecond);
        command.Add(_dryRun);
        command.Add(_all);
    }

    public int? LimitOf(ParseResult parse) => parse.GetValue(_limit);

    public Query QueryOf(ParseResult parse) =>
        new Query().Add("queue", parse.GetValue(_queue)).Add("type", parse.GetValue(_type)).Add("error", parse.GetValue(_error));

    /// <summary>What to move.</summary>
    /// <exception cref="UsageException">Nothing says which, or two things that do not go together.</exception>
    public DeadLetterSelection SelectionOf(ParseResult parse)
    {
        string[] ids = [.. (parse.GetValue(_ids) ?? []).Distinct()];
        string? error = parse.GetValue(_error);
        bool isFiltered = ids.Length > 0 || parse.GetValue(_queue) is not null || parse.GetValue(_type) is not null || error is not null;
        if (isFiltered == parse.GetValue(_all))
        {
            throw new UsageException(isFiltered
                ? "--all does not go with ids, --queue, --type or --error."
                : "Say which dead letters: ids, --queue, --type or --error; or --all.");
        }

        // The producer moves nothing where nothing says which; the empty text is a part of every error.
        return new DeadLetterSelection(
            ids.Length > 0 ? ids : null, parse.GetValue(_queue), parse.GetValue(_type), isFiltered ? error : "",
            parse.GetValue(_limit), parse.GetValue(_perSecond), parse.GetValue(_dryRun) ? true : null);
    }
}
