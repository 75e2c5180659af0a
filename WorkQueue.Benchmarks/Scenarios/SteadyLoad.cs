using System.Diagnostics;
using System.Text;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Benchmarks.Servers;
using WorkQueue.Benchmarks.Workers;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>A producer that is posted so many tasks a second, and a worker that runs them.</summary>
internal sealed class SteadyLoad : IAsyncDisposable
{
    /// <summary>How many tasks a second.</summary>
    public const int Rate = 400;

    private static readonly TimeSpan Interval = TimeSpan.FromMilliseconds(100);
    private static readonly byte[] Body = Encoding.UTF8.GetBytes($$"""{"type":"noop","payload":"{{new string('x', 100)}}"}""");

    private readonly CancellationTokenSource _end = new();
    private readonly Ours _ours;
    private readonly WebProgram _producer;
    private readonly WorkerFleet _workers;
    private readonly WorkerProcess _worker;
    private readonly Task _posting;
    private readonly Task _counting;
    private long _run;

    private SteadyLoad(Ours ours, WebProgram producer, Stage stage)
    {
        (_ours, _producer, _workers) = (ours, producer, new WorkerFleet(stage));
        _worker = _workers.Start(Subject.OursWithHistory, slots: 4);
        _posting = PostAsync();
        _counting = CountAsync();
    }

    /// <summary>Starts all of it.</summary>
    public static async Task<SteadyLoad> StartAsync(Stage stage)
    {
        Ours ours = new(stage, HistoryMode.All);
        await ours.PrepareAsync();
        return new SteadyLoad(ours, await WebProgram.ProducerAsync(ours), stage);
    }

    /// <summary>Watches it.</summary>
    /// <param name="time">How long.</param>
    /// <returns>Tasks run a second, and the megabytes (millions of bytes) that the producer and the worker hold.</returns>
    public async Task<double[]> ObserveAsync(TimeSpan time)
    {
        List<long> producer = [], worker = [];
        long before = Volatile.Read(ref _run), start = Stopwatch.GetTimestamp();
        using PeriodicTimer timer = new(TimeSpan.FromSeconds(1));
        while (Stopwatch.GetElapsedTime(start) < time)
        {
            // Either of them ends with the load alone.
            await await Task.WhenAny(timer.WaitForNextTickAsync().AsTask(), _posting, _counting);
            producer.Add(_producer.WorkingSet);
            worker.Add(_worker.WorkingSet);
        }

        return [(Volatile.Read(ref _run) - before) / Stopwatch.GetElapsedTime(start).TotalSeconds, Megabytes(producer), Megabytes(worker)];
    }

    public async ValueTask DisposeAsync()
    {
        await _end.CancelAsync();
        await _posting.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        await _producer.DisposeAsync();
        await _workers.DisposeAsync();
        await _ours.ClearAsync();
        await _ours.DeleteHistoryAsync();
        _end.Dispose();
    }

    private static double Megabytes(List<long> bytes) => bytes.Order().ElementAt(bytes.Count / 2) / 1e6;

    private async Task PostAsync()
    {
        using HttpClient http = new() { BaseAddress = new Uri(_producer.Url) };
        using PeriodicTimer timer = new(Interval);
        while (await timer.WaitForNextTickAsync(_end.Token))
        {
            await Task.WhenAll(Enumerable.Range(0, (int)(Rate * Interval.TotalSeconds)).Select(_ => PostOneAsync(http)));
        }
    }

    private static async Task PostOneAsync(HttpClient http)
    {
        using ByteArrayContent content = new(Body) { Headers = { ContentType = new("application/json") } };
        using HttpResponseMessage answer = await http.PostAsync("/tasks", content);
        answer.EnsureSuccessStatusCode();
    }

    private async Task CountAsync()
    {
        while (true)
        {
            Volatile.Write(ref _run, (await _workers.NextAsync(line => line.IsDone)).Count);
        }
    }
}
