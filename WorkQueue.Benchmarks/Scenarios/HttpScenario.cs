using System.Net.Http.Headers;
using System.Text;
using WorkQueue.Benchmarks.Contenders;
using WorkQueue.Benchmarks.Servers;
using WorkQueue.Messaging;

namespace WorkQueue.Benchmarks.Scenarios;

/// <summary>How fast tasks are taken by HTTP, one in a request and many in one.</summary>
internal static class HttpScenario
{
    private const int Lines = 1_000;

    // The default, and the most.
    private static readonly int Window = new WorkQueueOptions().PublishWindow;
    private static readonly string Payload = new('x', 100);
    private static readonly string Line = $$"""{"type":"noop","payload":"{{Payload}}"}""";
    private static readonly Request One = new(64, "/tasks", "application/json", Line, 1);
    private static readonly Request Batch = new(4, "/tasks/batch", "application/x-ndjson", string.Join('\n', Enumerable.Repeat(Line, Lines)), Lines);

    public static IEnumerable<Comparison> Of(Stage stage)
    {
        yield return Single(stage);
        yield return Many(stage);
    }

    private static Comparison Single(Stage stage)
    {
        RawClient raw = new(stage), stream = new(stage, history: true);
        return new Comparison($"HTTP: POST {One.Path}, {One.Callers} callers, 100 bytes", ["confirmed tasks/s"],
        [
            new("minimal endpoint", () => MinimalAsync(raw)),
            Producer(stage, One, HistoryMode.Off) with { Against = ["minimal endpoint"] },
            new("minimal endpoint and stream", () => MinimalAsync(stream)),
            Producer(stage, One, HistoryMode.All) with { Against = ["minimal endpoint and stream"] },
        ])
        {
            Note = "Programs of their own, called from this one. The minimal endpoint reads the same JSON, publishes by the raw client and answers 202 with an id. "
                + "The producer is the whole one, with its board, which with the history takes in each record meanwhile; it runs as in development, where loopback needs no key.",
        };

        async Task<double[]> MinimalAsync(RawClient subject)
        {
            await subject.PrepareAsync();
            await using WebProgram program = await WebProgram.MinimalAsync(stage);
            double[] rate = await RateAsync(stage, program, One);
            await subject.ClearAsync();
            return rate;
        }
    }

    private static Comparison Many(Stage stage)
    {
        RawClient raw = new(stage), stream = new(stage, history: true);
        const string Raw = "raw client, no HTTP", RawStream = "raw client and stream, no HTTP", Few = "raw client, no HTTP, 100 in flight", FewStream = "raw client and stream, no HTTP, 100 in flight";
        return new Comparison($"HTTP: POST {Batch.Path}, {Batch.Callers} callers, {Lines:N0} lines of 100 bytes", ["confirmed tasks/s"],
        [
            new(Raw, () => AtOnceAsync(raw, Batch.Callers * Lines)),
            new(Few, () => AtOnceAsync(raw, Window)) { Against = [Raw] },
            Producer(stage, Batch, HistoryMode.Off) with { Against = [Raw, Few] },
            new(RawStream, () => AtOnceAsync(stream, Batch.Callers * Lines)),
            new(FewStream, () => AtOnceAsync(stream, Window)) { Against = [RawStream] },
            Producer(stage, Batch, HistoryMode.All) with { Against = [RawStream, FewStream] },
        ])
        { Note = $"The raw client publishes {Lines:N0} at once, for each caller, and waits for all their confirms: what the broker takes; or it has as few in flight as the producer, which keeps within what the client can be given without hanging when its connection is lost. Each has run for as long before." };

        async Task<double[]> AtOnceAsync(RawClient subject, int inFlight)
        {
            using SemaphoreSlim places = new(inFlight);
            await subject.PrepareAsync();
            double rate = await subject.EnqueueAsync(Payload, enqueue =>
                WarmRateAsync(stage, Batch.Callers, () => Task.WhenAll(Enumerable.Range(0, Lines).Select(_ => InPlaceAsync(places, enqueue)))));
            await subject.ClearAsync();
            return [rate * Lines];
        }

        static async Task InPlaceAsync(SemaphoreSlim places, Func<Task> enqueue)
        {
            await places.WaitAsync();
            await enqueue();
            places.Release();
        }
    }

    private static Contender Producer(Stage stage, Request request, HistoryMode history) => new($"producer, History={history}".ToLowerInvariant(), async () =>
    {
        Ours ours = new(stage, history);
        await ours.PrepareAsync();
        await using WebProgram program = await WebProgram.ProducerAsync(ours);
        double[] rate = await RateAsync(stage, program, request);
        await ours.ClearAsync();
        return rate;
    });

    private static async Task<double[]> RateAsync(Stage stage, WebProgram program, Request request)
    {
        using HttpClient http = new() { BaseAddress = new Uri(program.Url) };
        byte[] body = Encoding.UTF8.GetBytes(request.Body);
        return [request.Tasks * await WarmRateAsync(stage, request.Callers, PostAsync)];

        async Task PostAsync()
        {
            using ByteArrayContent content = new(body) { Headers = { ContentType = new MediaTypeHeaderValue(request.ContentType) } };
            using HttpResponseMessage answer = await http.PostAsync(request.Path, content);
            answer.EnsureSuccessStatusCode();
            // An answer to a batch has a line for each.
            await answer.Content.CopyToAsync(Stream.Null);
        }
    }

    // As long again before it: a program that has just been started compiles its code a second time while it runs, and the broker writes more when it has taken in a few hundred thousand.
    private static async Task<double> WarmRateAsync(Stage stage, int callers, Func<Task> work)
    {
        await Load.RateAsync(callers, Time(stage), work);
        return await Load.RateAsync(callers, Time(stage), work);
    }

    private static TimeSpan Time(Stage stage) => stage.Pick(TimeSpan.FromSeconds(8), TimeSpan.FromSeconds(1));

    /// <summary>What is posted again and again.</summary>
    private sealed record Request(int Callers, string Path, string ContentType, string Body, int Tasks);
}
