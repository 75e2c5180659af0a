using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Diagnostics.HealthChecks;
using Microsoft.Extensions.Hosting;

namespace WorkQueue.Tests.Support;

/// <summary>Waits for a state of the outside world that gives no signal of its own.</summary>
internal static class Eventually
{
    public static Task TrueAsync(Func<Task<bool>> holds, string what, TimeSpan? within = null) => UntilAsync(holds, () => what, within ?? TestEnvironment.Patience);

    /// <summary>Waits for a number; where it does not come, what came in its place is told.</summary>
    public static Task EqualAsync(long expected, Func<Task<long>> actual, string what) => EqualAsync(expected, actual, () => what);

    /// <inheritdoc cref="EqualAsync(long, Func{Task{long}}, string)"/>
    /// <param name="expected">The number.</param>
    /// <param name="actual">What there is.</param>
    /// <param name="what">Asked when it has not come: what it is, and whatever may say why.</param>
    public static async Task EqualAsync(long expected, Func<Task<long>> actual, Func<string> what)
    {
        long last = 0;
        await UntilAsync(async () => (last = await actual()) == expected, () => $"{what()}. Expected {expected}, and last {last}", TestEnvironment.Patience);
    }

    /// <summary>Waits for the health of a host.</summary>
    public static Task HealthAsync(IHost host, Func<HealthReport, bool> isExpected, string what, TimeSpan? within = null)
    {
        HealthCheckService health = host.Services.GetRequiredService<HealthCheckService>();
        return TrueAsync(async () => isExpected(await health.CheckHealthAsync()), what, within);
    }

    public static Task TrueAsync(Func<bool> holds, string what, TimeSpan? within = null) => TrueAsync(() => Task.FromResult(holds()), what, within);

    private static async Task UntilAsync(Func<Task<bool>> holds, Func<string> what, TimeSpan limit)
    {
        long start = TimeProvider.System.GetTimestamp();
        using PeriodicTimer timer = new(TimeSpan.FromMilliseconds(25));
        while (!await holds())
        {
            Assert.True(TimeProvider.System.GetElapsedTime(start) < limit, $"Not within {limit}: {what()}");
            await timer.WaitForNextTickAsync();
        }
    }
}
