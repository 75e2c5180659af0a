namespace WorkQueue.Tests.Support;

/// <summary>Waits for a state of the outside world that gives no signal of its own.</summary>
internal static class Eventually
{
    public static async Task TrueAsync(Func<Task<bool>> holds, string what, TimeSpan? within = null)
    {
        TimeSpan limit = within ?? TestEnvironment.Patience;
        long start = TimeProvider.System.GetTimestamp();
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(25));
        while (!await holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < limit, $"Not within {limit}: {what}");
            await timer.WaitForNextTickAsync();
        }
    }

    public static Task TrueAsync(Func<bool> holds, string what, TimeSpan? within = null) => TrueAsync(() => Task.FromResult(holds()), what, within);
}
