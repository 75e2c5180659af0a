using System.CommandLine;
using WorkQueue.Cli.Api;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq batches send</c> and <c>add</c>: a JSON task a line, as the API takes them.</summary>
internal static class BatchSendCommand
{
    // As the API: all of them are checked before the first is sent.
    private const int MaxBytes = 64 * 1024 * 1024;

    public static Command CreateSend(Terminal terminal)
    {
        Argument<string> file = FileArgument();
        return new Command("send", "Enqueues a batch: a JSON task a line, as POST /tasks takes it. The first line may be {\"batch\":{\"name\",\"onSuccess\",\"onComplete\",\"open\",\"id\"}}.") { file }.Runs(terminal, async (session, parse, cancellationToken) =>
            BatchesCommand.ShowOne(session, await session.Api.EnqueueBatchAsync(await ReadAsync(session.Terminal, parse.GetRequiredValue(file), cancellationToken), cancellationToken)));
    }

    public static Command CreateAdd(Terminal terminal)
    {
        Argument<string> id = Verb.Name("id", "The batch.");
        Argument<string> file = FileArgument();
        Option<string?> key = Verb.Text("--key", "Names what is added: the same tasks added again by the same key are there once.");
        return new Command("add", "Adds tasks to a batch that has not ended: a JSON task a line.") { id, file, key }.Runs(terminal, async (session, parse, cancellationToken) =>
        {
            ReadOnlyMemory<byte> lines = await ReadAsync(session.Terminal, parse.GetRequiredValue(file), cancellationToken);
            BatchAnswer answer = await session.Api.AddToBatchAsync(parse.GetRequiredValue(id), lines, parse.GetValue(key), cancellationToken);
            IReadOnlyList<RejectedLine> rejected = answer.Rejected ?? [];
            if (session.Printer.IsJson)
            {
                session.Printer.Document(answer);
            }
            else
            {
                session.Printer.Line($"accepted {answer.Accepted}, rejected {rejected.Count}");
                rejected.ToList().ForEach(line => session.Printer.Note($"line {line.Line}: {line.Error}"));
            }

            return rejected.Count == 0 ? ExitCode.Done : ExitCode.Failed;
        });
    }

    private static Argument<string> FileArgument() => Verb.Name("file", "The lines: a file, or the input (-).");

    private static async Task<ReadOnlyMemory<byte>> ReadAsync(Terminal terminal, string path, CancellationToken cancellationToken)
    {
        await using Stream input = path == "-" ? terminal.In : FileSender.Open(path, "<file>");
        MemoryStream lines = new();
        byte[] part = new byte[81920];
        int read;
        while ((read = await input.ReadAsync(part, cancellationToken).AsTask().WaitAsync(cancellationToken)) > 0)
        {
            if (lines.Length + read > MaxBytes)
            {
                throw new UsageException($"A batch has at most {MaxBytes / 1024 / 1024} MiB; 'wq batches add' adds more to one that is open.");
            }

            lines.Write(part.AsSpan(0, read));
        }

        return lines.GetBuffer().AsMemory(0, (int)lines.Length);
    }
}
