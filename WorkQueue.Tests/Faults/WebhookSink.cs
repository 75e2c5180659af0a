using System.Collections.Concurrent;
using System.Globalization;
using System.Text.Json;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Faults;

/// <summary>Receives the webhooks of worker processes, and so counts what they run: each carries its task's id.</summary>
internal sealed class WebhookSink : IAsyncDisposable
{
    /// <summary>How long a brief task runs.</summary>
    public static readonly TimeSpan Brief = TimeSpan.FromMilliseconds(50);

    private readonly WebApplication _app;
    private readonly Ledger _ledger;
    private readonly ConcurrentQueue<(int Runs, TaskCompletionSource Reached)> _waiters = new();
    private TaskCompletionSource _release = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly ConcurrentDictionary<string, int> _endless = new(StringComparer.Ordinal);
    private int _runs;

    private WebhookSink(WebApplication app, Ledger ledger) => (_app, _ledger) = (app, ledger);

    /// <summary>Runs that have begun.</summary>
    public int Runs => Volatile.Read(ref _runs);

    /// <summary>Listens.</summary>
    /// <param name="ledger">Where runs are counted.</param>
    /// <param name="address">Of this machine.</param>
    public static async Task<WebhookSink> StartAsync(Ledger ledger, string address = "127.0.0.1")
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls($"http://{address}:0");
        WebhookSink sink = new(builder.Build(), ledger);
        sink._app.MapPost("/short", context => sink.ReceiveAsync(context, Task.CompletedTask));
        sink._app.MapPost("/for/{milliseconds:int}", (HttpContext context, int milliseconds) => sink.ReceiveAsync(context, Task.Delay(TimeSpan.FromMilliseconds(milliseconds), TimeProvider.System)));
        sink._app.MapPost("/endless", sink.ReceiveEndlessAsync);
        sink._app.MapPost("/held", context => sink.ReceiveAsync(context, sink._release.Task));
        await sink._app.StartAsync();
        return sink;
    }

    /// <summary>A task that calls the sink.</summary>
    /// <param name="held">True for one that runs until <see cref="Release"/>.</param>
    public NewTask Call(bool held = false) => CallOf(held ? "held" : "short");

    /// <summary>A task that runs for <see cref="Brief"/>.</summary>
    public NewTask CallBrief() => CallFor(Brief);

    /// <summary>A task that runs for a time.</summary>
    public NewTask CallFor(TimeSpan time) => CallOf(string.Create(CultureInfo.InvariantCulture, $"for/{time.TotalMilliseconds:F0}"));

    /// <summary>A task that runs as long as its worker.</summary>
    public NewTask CallEndless() => CallOf("endless");

    /// <summary>How often such a task has begun.</summary>
    public int EndlessRuns(string id) => _endless.GetValueOrDefault(id);

    private NewTask CallOf(string path) => new()
    {
        Type = "deliver-webhook",
        Body = JsonSerializer.SerializeToUtf8Bytes(new { url = $"{_app.Urls.First()}/{path}" }),
        ContentType = "application/json",
        Id = Guid.CreateVersion7().ToString(),
    };

    /// <summary>Completes when as many runs have begun.</summary>
    public Task ReachedAsync(int runs)
    {
        TaskCompletionSource reached = new(TaskCreationOptions.RunContinuationsAsynchronously);
        _waiters.Enqueue((runs, reached));
        Tell();
        return reached.Task;
    }

    /// <summary>Lets the held tasks end.</summary>
    public void Release() => _release.TrySetResult();

    /// <summary>Holds tasks again.</summary>
    public void Hold() => _release = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);

    public async ValueTask DisposeAsync()
    {
        Release();
        await _app.DisposeAsync();
    }

    private async Task ReceiveEndlessAsync(HttpContext context)
    {
        _endless.AddOrUpdate(context.Request.Headers["Idempotency-Key"].ToString(), 1, (_, runs) => runs + 1);
        await Task.Delay(Timeout.InfiniteTimeSpan, TimeProvider.System, context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
    }

    private async Task ReceiveAsync(HttpContext context, Task end)
    {
        Interlocked.Increment(ref _runs);
        Tell();
        _ledger.Start();
        // Cut short when the worker that called is gone: then it has not succeeded.
        await end.WaitAsync(context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        _ledger.End();
        if (!context.RequestAborted.IsCancellationRequested)
        {
            string id = context.Request.Headers["Idempotency-Key"].ToString();
            _ledger.Succeed(id);
            // The result of its task: so those after it in a chain can tell what ran before them.
            await context.Response.WriteAsync(id);
        }
    }

    private void Tell()
    {
        foreach ((int runs, TaskCompletionSource reached) in _waiters)
        {
            if (Runs >= runs)
            {
                reached.TrySetResult();
            }
        }
    }
}
