using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary>What the verbs have in common.</summary>
internal static class Verb
{
    /// <summary>Gives the command its action, which gets a session.</summary>
    public static Command Runs(this Command command, Terminal terminal, Func<Session, ParseResult, CancellationToken, Task<int>> run)
    {
        command.SetAction(async (parse, cancellationToken) =>
        {
            using Session session = Session.Open(parse, terminal);
            return await run(session, parse, cancellationToken);
        });
        return command;
    }

    public static Argument<string> Name(string name, string description)
    {
        Argument<string> argument = new(name) { Description = description };
        argument.Validators.Add(result => RefuseEmpty(result, name));
        return argument;
    }

    public static Option<string?> Text(string name, string description) => new(name) { Description = description, HelpName = name[2..] };

    public static Option<int?> Number(string name, string description) => new(name)
    {
        Description = description,
        HelpName = "n",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out int number) || number < 1)
            {
                result.AddError($"{name} is '{text}'; it is a number from 1 on.");
            }

            return number;
        },
    };

    public static Option<TimeSpan?> Duration(string name, string description) => new(name)
    {
        Description = $"{description} ({Durations.Rule}).",
        HelpName = "duration",
        CustomParser = result =>
        {
            string text = result.Tokens[0].Value;
            if (!Durations.TryParse(text, out TimeSpan duration))
            {
                result.AddError($"{name} is '{text}'; {Durations.Rule}.");
            }

            return duration;
        },
    };

    private static void RefuseEmpty(ArgumentResult result, string name)
    {
        if (result.Tokens.Any(token => string.IsNullOrWhiteSpace(token.Value)))
        {
            result.AddError($"<{name}> is empty.");
        }
    }
}
