using WorkQueue.Messaging;

namespace WorkQueue.Board.Api;

/// <summary>Enqueues the lines of a batch, some at a time.</summary>
internal sealed class LineBatch(ITaskQueue queue)
{
    private readonly List<string> _ids = [];
    private readonly List<RejectedLine> _rejected = [];
    private TaskNotEnqueuedException? _away;

    /// <summary>Enqueues some lines. After some of which none reached the broker no more are tried: each would wait for it again.</summary>
    public async Task EnqueueAsync(IReadOnlyList<BatchLine> lines, CancellationToken cancellationToken)
    {
        List<(BatchLine Line, NewTask Task)> tasks = [];
        foreach (BatchLine line in lines)
        {
            if (_away is not null)
            {
                _rejected.Add(new RejectedLine(line.Number, $"Not tried: {_away.Message}"));
            }
            else if (Read(line) is { } task)
            {
                tasks.Add((line, task));
            }
        }

        IReadOnlyList<EnqueueResult> results = tasks.Count == 0 ? [] : await queue.EnqueueManyAsync([.. tasks.Select(task => task.Task)], cancellationToken);
        for (int index = 0; index < results.Count; index++)
        {
            if (results[index].Task is { } enqueued)
            {
                _ids.Add(enqueued.Id);
            }
            else
            {
                _rejected.Add(RejectedLine.Of(tasks[index].Line, results[index].Error!));
            }
        }

        bool none = results.Count > 0 && results.All(result => result.Error is TaskNotEnqueuedException { Outcome: not PublishOutcome.QueueFull });
        _away = none ? (TaskNotEnqueuedException)results[0].Error! : _away;
    }

    /// <summary>What became of the lines.</summary>
    /// <exception cref="TaskNotEnqueuedException">The broker is away and took none.</exception>
    public BatchAnswer Answer() => _away is { Outcome: not PublishOutcome.Unknown } away && _ids.Count == 0
        ? throw away
        : new BatchAnswer(_ids.Count, _ids, [.. _rejected.OrderBy(line => line.Line)]);

    private NewTask? Read(BatchLine line)
    {
        try
        {
            return TaskRequestReader.FromJson(line.Json.Span);
        }
        catch (BadHttpRequestException malformed)
        {
            _rejected.Add(new RejectedLine(line.Number, malformed.Message));
            return null;
        }
    }
}
