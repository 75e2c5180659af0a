using Microsoft.Extensions.Logging;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Snippets;

// begin-snippet: handler
[TaskType("count-words")]
public sealed record CountWords(string Text);

public sealed class CountWordsHandler(TimeProvider clock, ILogger<CountWordsHandler> logger) : ITaskHandler<CountWords>
{
    public async Task<object?> HandleAsync(CountWords payload, TaskContext context)
    {
        if (payload.Text.Length > 1_000_000)
            throw new TaskRejectedException("Too long to count."); // Dead-lettered at once; any other exception is retried.

        await Task.Delay(TimeSpan.FromSeconds(1), clock, context.CancellationToken); // Real work goes here.
        logger.LogInformation("Counted the words of task {Id}, attempt {Attempt}", context.Id, context.Attempt);
        return new { words = payload.Text.Split(' ', StringSplitOptions.RemoveEmptyEntries).Length };
    }
}
// end-snippet
