using System.CommandLine;
using System.CommandLine.Invocation;
using System.CommandLine.Parsing;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Commands;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli;

/// <summary>From arguments to a verb, and from what went wrong to one line and an exit code.</summary>
internal static class CommandLine
{
    /// <summary>Runs one command.</summary>
    /// <returns>One of <see cref="ExitCode"/>.</returns>
    public static async Task<int> RunAsync(IReadOnlyList<string> args, Terminal terminal, CancellationToken cancellationToken)
    {
        // Tasks may begin with @: no response files.
        ParseResult parse = Build(terminal).Parse(WaitOption.Complete(args), new ParserConfiguration { ResponseFileTokenReplacer = null });
        if (MistakesOf(parse) is { } mistakes)
        {
            return Complain(terminal, ExitCode.Usage, $"{mistakes} '{PathOf(parse.CommandResult.Command)} --help' shows what is possible.");
        }

        try
        {
            InvocationConfiguration configuration = new()
            {
                Output = terminal.Out,
                Error = terminal.Error,
                EnableDefaultExceptionHandler = false,
                ProcessTerminationTimeout = null,
            };
            return await parse.InvokeAsync(configuration, cancellationToken);
        }
        catch (UsageException mistake)
        {
            return Complain(terminal, ExitCode.Usage, mistake.Message);
        }
        catch (ApiException failure)
        {
            return Complain(terminal, failure.ExitCode, failure.Message);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            return ExitCode.Interrupted;
        }
        catch (IOException broken) when (Terminal.IsBrokenPipe(broken))
        {
            return ExitCode.Done;
        }
        catch (Exception unusable) when (unusable is IOException or UnauthorizedAccessException)
        {
            return Complain(terminal, ExitCode.Failed, $"Input or output failed: {unusable.Message}");
        }
    }

    private static RootCommand Build(Terminal terminal)
    {
        RootCommand root = new($"Sends tasks to WorkQueue and shows what became of them.\n\n{ExitCode.Help}");
        Array.ForEach(GlobalOptions.All, root.Add);
        root.Add(SendCommand.Create(terminal));
        root.Add(GetCommand.Create(terminal));
        root.Add(ListCommand.Create(terminal));
        root.Add(WaitCommand.Create(terminal));
        root.Add(CancelCommand.Create(terminal));
        root.Add(RunAgainCommand.Create(terminal));
        root.Add(QueuesCommand.Create(terminal));
        root.Add(LimitsCommand.Create(terminal));
        root.Add(SchedulesCommand.Create(terminal));
        root.Add(BatchesCommand.Create(terminal));
        root.Add(PauseCommand.Create(terminal));
        root.Add(ResumeCommand.Create(terminal));
        root.Add(WatchCommand.Create(terminal));
        root.Add(EmitCommand.Create(terminal));
        root.Add(DeadCommand.Create(terminal));
        root.Add(WorkersCommand.Create(terminal));
        return root;
    }

    private static string? MistakesOf(ParseResult parse)
    {
        if (parse.Action is ParseErrorAction)
        {
            bool isVerb = parse.CommandResult.Command.Subcommands.Count > 0 && parse.UnmatchedTokens.Count > 0;
            return isVerb ? $"'{parse.UnmatchedTokens[0]}' is no command." : string.Join(' ', parse.Errors.Select(error => error.Message).Distinct());
        }

        return UnknownOption(parse) is { } unknown
            ? $"Unknown option '{unknown}'; put -- before words that begin with a dash."
            : null;
    }

    // A misspelt option is a word like any other to the parser, and would be sent as a part of the text.
    private static string? UnknownOption(ParseResult parse)
    {
        int literal = parse.Tokens.SkipWhile(token => token.Type != TokenType.DoubleDash).Skip(1).Count();
        string[] words = [.. parse.CommandResult.Children.OfType<ArgumentResult>().SelectMany(argument => argument.Tokens).Select(token => token.Value)];
        return words.SkipLast(literal).FirstOrDefault(word => word.Length > 1 && word[0] == '-' && !char.IsAsciiDigit(word[1]) && word.TrimStart('-').Length > 0);
    }

    private static string PathOf(Symbol command) =>
        command.Parents.OfType<Command>().FirstOrDefault() is { } parent ? $"{PathOf(parent)} {command.Name}" : "wq";

    private static int Complain(Terminal terminal, int exitCode, string message)
    {
        terminal.Error.WriteLine($"wq: {Plain.Line(message)}");
        return exitCode;
    }
}
