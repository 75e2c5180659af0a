using System.Text.Json;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary>Sends a task a line, in batches; reads on only when a batch is through, so that any file fits into memory.</summary>
internal sealed class FileSender(Session session, TaskKind kind, bool linesArePayloads)
{
    // A batch that is not full goes when no line came for so long: somebody types, or a log grows.
    private static readonly TimeSpan Linger = TimeSpan.FromMilliseconds(200);

    private readonly LineBatch _batch = new();
    private long _accepted;
    private long _rejected;
    private long _settledTo;

    public async Task<int> SendAsync(string path, CancellationToken cancellationToken)
    {
        await using Stream input = path == "-" ? session.Terminal.In : Open(path);
        try
        {
            await SendAllAsync(new LineReader(input), cancellationToken);
        }
        catch (ApiException failure)
        {
            string unknown = failure.IsOutcomeUnknown ? $", some of lines {_batch.First} to {_batch.Last} perhaps" : "";
            throw new ApiException(failure.ExitCode, $"{failure.Message} {Summary}{unknown}; go on from line {_settledTo + 1}.", failure);
        }
        catch (OperationCanceledException) when (cancellationToken.IsCancellationRequested)
        {
            session.Printer.Note($"Interrupted: {Summary}; go on from line {_settledTo + 1}.");
            throw;
        }

        if (!session.Printer.IsJson)
        {
            session.Printer.Line(Summary);
        }

        return _rejected == 0 ? ExitCode.Done : ExitCode.Failed;
    }

    /// <summary>Opens a file to read.</summary>
    /// <param name="path">The file.</param>
    /// <param name="from">What of the command line named it.</param>
    /// <exception cref="UsageException">It cannot be read.</exception>
    public static FileStream Open(string path, string from = "--file")
    {
        try
        {
            return File.OpenRead(path);
        }
        catch (Exception unreadable) when (unreadable is IOException or UnauthorizedAccessException or ArgumentException)
        {
            throw new UsageException($"{from}: {unreadable.Message}");
        }
    }

    private string Summary => $"accepted {_accepted}, rejected {_rejected}";

    private async Task SendAllAsync(LineReader reader, CancellationToken cancellationToken)
    {
        while (true)
        {
            Task<InputLine?> next = reader.ReadAsync(cancellationToken);
            if (!next.IsCompleted && _batch.Count > 0 && await Task.WhenAny(next, Task.Delay(Linger, session.Terminal.Clock, cancellationToken)) != next)
            {
                await FlushAsync(cancellationToken);
            }

            // A read from a keyboard does not end by cancelling it.
            if (await next.WaitAsync(cancellationToken) is not { } line)
            {
                break;
            }

            await TakeAsync(line, cancellationToken);
        }

        await FlushAsync(cancellationToken);
    }

    private async Task TakeAsync(InputLine line, CancellationToken cancellationToken)
    {
        if (line.Error is not null)
        {
            Reject(line.Number, line.Error);
        }
        else if (!string.IsNullOrWhiteSpace(line.Text) && Read(line) is { } task)
        {
            byte[] json = JsonSerializer.SerializeToUtf8Bytes(task, WireJson.Options);
            if (!_batch.HasRoomFor(json))
            {
                await FlushAsync(cancellationToken);
            }

            _batch.Add(line.Number, json);
        }
    }

    // Here, since a line that is no JSON would spoil the batch around it.
    private NewTask? Read(InputLine line)
    {
        try
        {
            return linesArePayloads ? kind.Of(WireJson.Parse(line.Text, "The line")) : kind.OfText(line.Text);
        }
        catch (UsageException invalid)
        {
            Reject(line.Number, invalid.Message);
            return null;
        }
    }

    private async Task FlushAsync(CancellationToken cancellationToken)
    {
        if (_batch.Count > 0)
        {
            Report(await SendBatchAsync(cancellationToken));
            _settledTo = _batch.Last;
            _batch.Clear();
        }
    }

    private async Task<BatchAnswer> SendBatchAsync(CancellationToken cancellationToken)
    {
        try
        {
            return await session.Api.SendBatchAsync(_batch.Body, cancellationToken);
        }
        catch (ApiException large) when (large.Status == 413 && _batch.Count == 1)
        {
            return new BatchAnswer(0, [], [new RejectedLine(1, large.Message)]);
        }
    }

    private void Report(BatchAnswer answer)
    {
        Dictionary<int, string> rejected = (answer.Rejected ?? []).ToDictionary(line => line.Line, line => line.Error ?? "rejected");
        Queue<string> ids = new(answer.Ids ?? []);
        for (int i = 0; i < _batch.Count; i++)
        {
            if (rejected.TryGetValue(i + 1, out string? error))
            {
                Reject(_batch.NumberOf(i), error);
            }
            else
            {
                Accept(_batch.NumberOf(i), ids.TryDequeue(out string? id) ? id : null);
            }
        }
    }

    private void Accept(long number, string? id)
    {
        _accepted++;
        if (session.Printer.IsJson)
        {
            session.Printer.Document(new { line = number, id });
        }
    }

    private void Reject(long number, string error)
    {
        _rejected++;
        if (session.Printer.IsJson)
        {
            session.Printer.Document(new { line = number, error });
        }
        else
        {
            session.Printer.Note($"line {number}: {error}");
        }
    }
}
