namespace WorkQueue.Benchmarks.Contenders;

/// <summary>What is measured in many ways: this queue, and the raw client.</summary>
internal interface ISubject
{
    /// <summary>Declares what is needed, and leaves the queue empty.</summary>
    Task PrepareAsync();

    /// <summary>Empties the queue: what lies there costs the broker memory and disk while the next contender is measured.</summary>
    Task ClearAsync();

    /// <summary>Has something measured that enqueues the payload each time it is called, and waits for the confirm.</summary>
    Task<double> EnqueueAsync(string payload, Func<Func<Task>, Task<double>> measure);

    /// <summary>Puts tasks into the queue; with one caller in the order of their numbers.</summary>
    Task FillAsync(int count, Func<int, string> payload, int callers = 256);

    /// <summary>Runs them until the tally is complete.</summary>
    Task ConsumeAsync(int slots, Tally tally, Func<string, Task>? work = null);

    /// <summary>Milliseconds from an enqueue to the handler, one task at a time.</summary>
    Task<double[]> LatencyAsync(int count, TimeSpan pause);
}

/// <summary>What is measured of them in more than one scenario.</summary>
internal static class SubjectExtensions
{
    /// <summary>Confirmed tasks a second by so many callers that each wait for their confirm.</summary>
    public static async Task<double> EnqueueRateAsync(this ISubject subject, int callers, string payload, TimeSpan time)
    {
        await subject.PrepareAsync();
        double rate = await subject.EnqueueAsync(payload, enqueue => Load.RateAsync(callers, time, enqueue));
        await subject.ClearAsync();
        return rate;
    }

    /// <summary>Tasks a second that do nothing, all of them there before the first is run.</summary>
    public static async Task<double> ProcessRateAsync(this ISubject subject, int slots, int count, int warmUp = 0)
    {
        await subject.FillNoopsAsync(count);
        Tally tally = new(count, warmUp);
        await subject.ConsumeAsync(slots, tally);
        return tally.Rate;
    }

    /// <summary>Leaves so many tasks in the queue that do nothing.</summary>
    public static async Task FillNoopsAsync(this ISubject subject, int count)
    {
        string payload = new('x', 100);
        await subject.PrepareAsync();
        await subject.FillAsync(count, _ => payload);
    }
}
