using System.CommandLine;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq send</c>: one task, or a task a line of a file.</summary>
internal sealed class SendCommand
{
    private readonly Argument<string[]> _words = new("text") { Description = "The text of the task, as in the tutorials: wq send First message.", Arity = ArgumentArity.ZeroOrMore };
    private readonly TaskOptions _kind = new();
    private readonly Option<string?> _payload = new("--payload") { Description = "The payload, in place of a text; needs --type.", HelpName = "json" };
    private readonly Option<TimeSpan?> _wait = WaitOption.Create();
    private readonly Option<string?> _key = new("--idempotency-key")
    {
        Description = "Makes the task's id: sending again with the same key is the same task. Without it each send has a key of its own.",
        HelpName = "key",
    };
    private readonly Option<string?> _file = new("--file") { Description = "Send a task a line of this file, or of the input (-).", HelpName = "path" };
    private readonly Option<bool> _payloadLines = new("--payload-lines") { Description = "The lines of --file are payloads (JSON), not texts; needs --type." };

    public static Command Create(Terminal terminal) => new SendCommand().Build(terminal);

    private Command Build(Terminal terminal)
    {
        Command command = new("send", "Sends a task; done when the broker has confirmed it. Prints its id and state.") { _words };
        _kind.AddTo(command);
        command.Add(_payload);
        command.Add(_wait);
        command.Add(_key);
        command.Add(_file);
        command.Add(_payloadLines);
        return command.Runs(terminal, RunAsync);
    }

    private Task<int> RunAsync(Session session, ParseResult parse, CancellationToken cancellationToken)
    {
        TaskKind kind = _kind.Read(parse);
        string text = string.Join(' ', parse.GetValue(_words) ?? []);
        string? payload = parse.GetValue(_payload);
        bool payloadLines = parse.GetValue(_payloadLines);
        string? mistake = (File: parse.GetValue(_file), text.Length > 0, payload, payloadLines, kind.Type) switch
        {
            { File: not null, Item2: true } or { File: not null, payload: not null } => "--file takes the tasks from the file: leave out the text and --payload.",
            { File: not null } when parse.GetValue(_wait) is not null || parse.GetValue(_key) is not null => "--wait and --idempotency-key are for one task, not for --file.",
            { File: not null, payloadLines: true, Type: null } => "--payload-lines needs --type.",
            { File: not null } => null,
            { payloadLines: true } => "--payload-lines is for --file.",
            { payload: not null, Item2: true } => "Give a text or --payload, not both.",
            { payload: not null, Type: null } => "--payload needs --type.",
            { payload: null, Item2: false } => "There is nothing to send: give a text (wq send First message.), --type and --payload, or --file.",
            _ when kind.Unique is not null && (parse.GetValue(_wait) is not null || parse.GetValue(_key) is not null) => "--unique goes without --wait and --idempotency-key: the task of its key may be another's.",
            _ => null,
        };
        if (mistake is not null)
        {
            throw new UsageException(mistake);
        }

        return parse.GetValue(_file) is { } file
            ? new FileSender(session, kind, payloadLines).SendAsync(file, cancellationToken)
            : SendOneAsync(session, parse, kind.Unique is not null, SenderOf(session.Api, kind, text, payload), cancellationToken);
    }

    private static Func<string?, CancellationToken, Task<TaskAccepted>> SenderOf(ApiClient api, TaskKind kind, string text, string? payload)
    {
        if (payload is null && kind.IsPlain)
        {
            return (key, cancellationToken) => api.SendAsync(text, key, cancellationToken);
        }

        NewTask task = payload is null ? kind.OfText(text) : kind.Of(WireJson.Parse(payload, "--payload"));
        return (key, cancellationToken) => api.SendAsync(task, key, cancellationToken);
    }

    private async Task<int> SendOneAsync(
        Session session, ParseResult parse, bool isUnique, Func<string?, CancellationToken, Task<TaskAccepted>> send, CancellationToken cancellationToken)
    {
        // Of a task with a key of its own there is one however often it is sent.
        string? key = isUnique ? null : parse.GetValue(_key) ?? $"wq-{Guid.CreateVersion7(session.Terminal.Clock.GetUtcNow())}";
        TaskAccepted task = await SendSurelyAsync(session.Printer, send, key, cancellationToken);
        if (parse.GetValue(_wait) is { } limit)
        {
            return await new TaskWaiter(session).WaitAsync(task.Id, limit, task.State, cancellationToken);
        }

        TaskView.WriteShort(session.Printer, task);
        return ExitCode.Done;
    }

    // Once more where nobody knows whether the first arrived: the key gives both the same id, so that at worst one task runs twice,
    // which every handler has to bear anyway. What was surely not accepted is for the user to send again.
    private static async Task<TaskAccepted> SendSurelyAsync(
        Printer printer, Func<string?, CancellationToken, Task<TaskAccepted>> send, string? key, CancellationToken cancellationToken)
    {
        try
        {
            return await send(key, cancellationToken);
        }
        catch (ApiException unknown) when (unknown.IsOutcomeUnknown)
        {
            printer.Note($"{unknown.Message} Sending it again under the same {(key is null ? "key" : "id")}.");
        }

        try
        {
            return await send(key, cancellationToken);
        }
        catch (ApiException again)
        {
            throw new ApiException(again.ExitCode, $"{again.Message} The task may have been accepted; send it again{(key is null ? ": there will be one of its key" : $" with --idempotency-key {key} to give it the same id")}.", again);
        }
    }
}
