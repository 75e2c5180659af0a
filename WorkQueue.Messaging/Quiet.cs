namespace WorkQueue.Messaging;

/// <summary>
/// Cancels without throwing. What a handler registers on its token runs inside the cancel; if that throws, a timer's cancel would end the process.
/// </summary>
internal static class Quiet
{
    /// <summary>Cancels, on another thread.</summary>
    public static void Cancel(CancellationTokenSource source) => _ = CancelAsync(source);

    /// <summary>A timer that cancels; not started where the time is infinite.</summary>
    public static ITimer CancelAfter(CancellationTokenSource source, TimeSpan time, TimeProvider clock) =>
        clock.CreateTimer(_ => Cancel(source), null, time, Timeout.InfiniteTimeSpan);

    private static async Task CancelAsync(CancellationTokenSource source)
    {
        try
        {
            await source.CancelAsync();
        }
#pragma warning disable CA1031 // It is the user's code, and nobody waits for it; the token is cancelled all the same.
        catch (Exception)
#pragma warning restore CA1031
        {
        }
    }
}
