using System.Collections.Concurrent;
using WorkQueue.Messaging;

namespace WorkQueue.Board.Pages.Models;

/// <summary>How full each queue has been in the last five minutes, for the small charts.</summary>
internal sealed class QueueSamples(IQueueCounts counts, TimeProvider clock) : BackgroundService
{
    private const int Kept = 60;
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(5);

    private readonly ConcurrentDictionary<string, IReadOnlyList<long>> _ready = new(StringComparer.Ordinal);

    /// <summary>Tasks that were ready, the oldest number first.</summary>
    public IReadOnlyList<long> Of(string queue) => _ready.GetValueOrDefault(queue, []);

    protected override async Task ExecuteAsync(CancellationToken stoppingToken)
    {
        using PeriodicTimer timer = new(Interval, clock);
        try
        {
            do
            {
                foreach (QueueCount count in counts.Current)
                {
                    _ready[count.Queue] = [.. Of(count.Queue).TakeLast(Kept - 1), count.Ready];
                }
            }
            while (await timer.WaitForNextTickAsync(stoppingToken));
        }
        catch (OperationCanceledException) when (stoppingToken.IsCancellationRequested)
        {
        }
    }
}
