using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using Hangfire;
using Hangfire.PostgreSql;
using Hangfire.PostgreSql.Factories;
using WorkQueue.Benchmarks.Servers;

namespace WorkQueue.Benchmarks.Contenders;

/// <summary>Hangfire on PostgreSQL, with as many workers as the others have slots.</summary>
internal sealed class HangfirePeer(Stage stage)
{
    private static readonly string Payload = new('x', 100);

    /// <summary>Why it cannot be run here, or null.</summary>
    public string? Missing => stage.Postgres.Missing;

    /// <summary>Committed jobs a second, by many callers and by one.</summary>
    public async Task<double[]> EnqueueRatesAsync(int callers, TimeSpan time)
    {
        BackgroundJobClient client = new(await NewStorageAsync());
        return [await RateAsync(callers), await RateAsync(1)];

        Task<double> RateAsync(int parallel) => Load.RateAsync(parallel, time, () => Enqueue(client, Payload), blocks: true);
    }

    /// <summary>Committed jobs a second.</summary>
    public async Task<double> EnqueueRateAsync(int callers, string payload, TimeSpan time)
    {
        BackgroundJobClient client = new(await NewStorageAsync());
        return await Load.RateAsync(callers, time, () => Enqueue(client, payload), blocks: true);
    }

    /// <summary>Jobs run a second, all of them there before the first is; the first quarter warms up.</summary>
    public async Task<double> ProcessRateAsync(int slots, int count)
    {
        JobStorage storage = await NewStorageAsync();
        BackgroundJobClient client = new(storage);
        await Load.TimesAsync(64, count, () => Enqueue(client, Payload), blocks: true);
        Tally tally = new(count, warmUp: count / 4);
        using BackgroundJobServer server = new(Options(slots, new Noop(_ => tally.Mark())), storage);
        await tally.All;
        return tally.Rate;
    }

    /// <summary>Jobs a second from the first enqueue until all are done, of continuations of a length; one is a job alone.</summary>
    public async Task<double> RunAsync(int slots, int callers, int count, int length)
    {
        JobStorage storage = await NewStorageAsync();
        BackgroundJobClient client = new(storage);
        Tally warm = new(1), tally = new(count);
        using BackgroundJobServer server = new(Options(slots, new Noop(payload => (payload == Payload ? tally : warm).Mark())), storage);
        client.Enqueue<Noop>(job => job.Run(""));
        await warm.All;
        tally.Begin();
        await Load.TimesAsync(
            callers,
            count / length,
            () =>
            {
                string id = client.Enqueue<Noop>(job => job.Run(Payload));
                for (int place = 1; place < length; place++)
                {
                    id = client.ContinueJobWith<Noop>(id, job => job.Run(Payload));
                }

                return Task.CompletedTask;
            },
            blocks: true);
        await tally.All;
        return count / tally.Makespan;
    }

    /// <summary>Recurring jobs of every second.</summary>
    public async Task<double[]> RecurAsync(int slots, int schedules, int seconds)
    {
        JobStorage storage = await NewStorageAsync();
        RecurringJobManager manager = new(storage);
        for (int number = 0; number < schedules; number++)
        {
            string id = number.ToString(CultureInfo.InvariantCulture);
            manager.AddOrUpdate<Noop>(id, job => job.Run(id), "* * * * * *");
        }

        Occurrences occurrences = new(schedules);
        using BackgroundJobServer server = new(Options(slots, new Noop(id => occurrences.Mark(int.Parse(id, CultureInfo.InvariantCulture)))), storage);
        return await occurrences.MeasureAsync(seconds);
    }

    /// <summary>How long a small tenant's jobs wait behind another's many, each tenant with a queue of its own: the 95th percentile, in times that a job takes.</summary>
    /// <param name="slots">Workers.</param>
    /// <param name="flood">How many the other has.</param>
    /// <param name="time">What a job takes.</param>
    /// <param name="queues">The queues in the order that they are asked, <c>flood</c> and <c>small</c>.</param>
    public async Task<double> ShareAsync(int slots, int flood, TimeSpan time, params string[] queues)
    {
        const int SmallJobs = 10;
        JobStorage storage = await NewStorageAsync();
        BackgroundJobClient client = new(storage);
        await Load.TimesAsync(64, flood, () => Enqueue("flood", ""), blocks: true);
        ConcurrentBag<double> waits = [];
        Tally begun = new(slots * 10), all = new(SmallJobs);
        BackgroundJobServerOptions options = Options(slots, new Turn(async stamp =>
        {
            if (stamp.Length > 0)
            {
                waits.Add(Stopwatch.GetElapsedTime(long.Parse(stamp, CultureInfo.InvariantCulture)) / time);
                all.Mark();
            }

            begun.Mark();
            await Task.Delay(time, TimeProvider.System);
        }));
        options.Queues = queues;
        using BackgroundJobServer server = new(options, storage);
        await begun.All;
        string stamp = Stopwatch.GetTimestamp().ToString(CultureInfo.InvariantCulture);
        await Task.WhenAll(Enumerable.Range(0, SmallJobs).Select(_ => Enqueue("small", stamp)));
        await all.All;
        return waits.Order().ElementAt((int)Math.Ceiling(SmallJobs * 0.95) - 1);

        Task Enqueue(string queue, string text)
        {
            client.Enqueue<Turn>(queue, job => job.RunAsync(text));
            return Task.CompletedTask;
        }
    }

    private static Task Enqueue(BackgroundJobClient client, string payload)
    {
        client.Enqueue<Noop>(job => job.Run(payload));
        return Task.CompletedTask;
    }

    private static BackgroundJobServerOptions Options(int slots, object job) => new()
    {
        WorkerCount = slots,
        SchedulePollingInterval = TimeSpan.FromSeconds(1),
        Activator = new Activator(job),
    };

    private async Task<JobStorage> NewStorageAsync()
    {
        string connectionString = await PostgresDatabase.EmptyAsync(stage.Postgres, "hangfire");
        // Told by the database (EnableLongPolling) it is slower: one commit after the other then.
        PostgreSqlStorageOptions options = new() { QueuePollInterval = TimeSpan.FromMilliseconds(100) };
        return new PostgreSqlStorage(new NpgsqlConnectionFactory(connectionString, options, null), options);
    }

    /// <summary>A job; Hangfire calls it by its type.</summary>
    internal sealed class Noop(Action<string> done)
    {
        public void Run(string payload) => done(payload);
    }

    /// <summary>A job that takes its time.</summary>
    internal sealed class Turn(Func<string, Task> run)
    {
        public Task RunAsync(string payload) => run(payload);
    }

    private sealed class Activator(object job) : JobActivator
    {
        public override object ActivateJob(Type jobType) => job;
    }
}
