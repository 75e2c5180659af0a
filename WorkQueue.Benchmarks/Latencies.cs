using System.Buffers.Text;
using System.Diagnostics;
using System.Text;

namespace WorkQueue.Benchmarks;

/// <summary>Times from sending to receiving: what is sent is the moment.</summary>
internal sealed class Latencies(int count)
{
    private readonly double[] _milliseconds = new double[count];
    private int _received;

    /// <summary>Sends one after the other, with a pause between them.</summary>
    public async Task SendAsync(TimeSpan pause, Func<ReadOnlyMemory<byte>, Task> send)
    {
        using PeriodicTimer timer = new(pause);
        for (int i = 0; i < count && await timer.WaitForNextTickAsync(); i++)
        {
            await send(Encoding.ASCII.GetBytes(Stopwatch.GetTimestamp().ToString(System.Globalization.CultureInfo.InvariantCulture)));
        }
    }

    public void Received(ReadOnlySpan<byte> sent)
    {
        long now = Stopwatch.GetTimestamp();
        if (Utf8Parser.TryParse(sent, out long stamp, out _))
        {
            _milliseconds[Interlocked.Increment(ref _received) - 1] = Stopwatch.GetElapsedTime(stamp, now).TotalMilliseconds;
        }
    }

    /// <summary>The 50th, 99th and 99.9th percentile in milliseconds; the first half warmed up.</summary>
    public double[] Milliseconds()
    {
        double[] sorted = [.. _milliseconds.Skip(count / 2).Order()];
        return [At(0.5), At(0.99), At(0.999)];

        double At(double share) => sorted[Math.Min(sorted.Length - 1, (int)(sorted.Length * share))];
    }
}
