using WorkQueue.Messaging;

namespace WorkQueue.Worker.Handlers;

/// <summary>The payload of a <c>simulate</c> task; a <c>text/plain</c> task is read into <paramref name="Text"/> too.</summary>
/// <param name="Text">Each dot is one second of work; a text starting with <c>fail</c> fails after it.</param>
internal sealed record Simulate(string? Text);

/// <summary>Stands in for work: waits one second per dot in the text, then succeeds, or fails if the text starts with "fail".</summary>
internal sealed class SimulateHandler(TimeProvider clock, ILogger<SimulateHandler> logger) : ITaskHandler<Simulate>
{
    // One day; also keeps the wait inside what a timer can hold.
    private const int MaxSeconds = 86_400;
    private const int MaxShown = 100;

    public async Task<object?> HandleAsync(Simulate payload, TaskContext context)
    {
        string text = payload.Text ?? throw new TaskRejectedException("The payload has no \"text\".");
        int seconds = text.Count(character => character == '.');
        if (seconds > MaxSeconds)
            throw new TaskRejectedException($"\"text\" has {seconds} dots; at most {MaxSeconds} (one day) are simulated.");

        // As the tutorials print it. The line breaks of a text must not make lines of their own in the log.
        logger.Received((text.Length > MaxShown ? $"{text[..MaxShown]}…" : text).ReplaceLineEndings(" "));
        if (seconds > 0)
            await Task.Delay(TimeSpan.FromSeconds(seconds), clock, context.CancellationToken);

        // After the wait, as real work fails: late.
        if (text.StartsWith("fail", StringComparison.OrdinalIgnoreCase))
            throw new InvalidOperationException("The text starts with \"fail\", so this attempt fails.");
        return new SimulateResult(text, seconds);
    }
}

/// <summary>The result of a <c>simulate</c> task.</summary>
/// <param name="Text">The text of the payload.</param>
/// <param name="Seconds">How long it waited.</param>
internal sealed record SimulateResult(string Text, int Seconds);
