using WorkQueue.Messaging.Connections;

namespace WorkQueue.Tests.Unit;

/// <summary>What is to go on for as long as a program runs.</summary>
public sealed class SupervisionTests
{
    [Fact]
    public async Task A_log_that_throws_does_not_end_it()
    {
        using CancellationTokenSource stop = new();
        int times = 0;
        await Supervision.KeepAsync(
            _ =>
            {
                if (++times == 3)
                {
                    stop.Cancel();
                }

                return times == 1 ? Task.CompletedTask : throw new InvalidOperationException("work");
            },
            _ => throw new IOException("the log's disk is full"), new Backoff(TimeProvider.System, TimeSpan.FromMilliseconds(10)), stop.Token);
        Assert.Equal(3, times);
    }
}
