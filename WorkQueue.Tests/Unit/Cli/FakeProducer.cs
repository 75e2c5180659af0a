using System.Collections.Concurrent;
using System.Text;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;
using WorkQueue.Cli;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Unit.Cli;

/// <summary>Answers as a producer is told to, and remembers what it was asked.</summary>
internal sealed class FakeProducer : IAsyncDisposable
{
    /// <summary>Where an answer finds how many lines the body has.</summary>
    public const string Lines = "lines";

    private readonly WebApplication _app;
    private readonly ConcurrentDictionary<string, ConcurrentQueue<RequestDelegate>> _answers = new();
    private readonly ConcurrentQueue<Received> _received = new();

    private FakeProducer(WebApplication app) => _app = app;

    public string Url => _app.Urls.Single();

    public IReadOnlyList<Received> Received => [.. _received];

    public static async Task<FakeProducer> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        FakeProducer producer = new(builder.Build());
        producer._app.Run(producer.AnswerAsync);
        await producer._app.StartAsync();
        return producer;
    }

    /// <summary>The next answer to a call such as <c>GET /tasks</c>; the last one told stays.</summary>
    public FakeProducer On(string call, RequestDelegate answer)
    {
        _answers.GetOrAdd(call, _ => new()).Enqueue(answer);
        return this;
    }

    public FakeProducer On(string call, int status, string json, string contentType = "application/json", string? history = null) => On(call, context =>
    {
        context.Response.StatusCode = status;
        context.Response.ContentType = contentType;
        if (history is not null)
        {
            context.Response.Headers["WorkQueue-History"] = history;
        }

        return context.Response.WriteAsync(json);
    });

    public FakeProducer Refuse(string call, int status, string detail) =>
        On(call, status, $$"""{"type":"about:blank","title":"Refused","status":{{status}},"detail":"{{detail}}"}""", "application/problem+json");

    public Task<Result> RunAsync(params string[] args) => FeedAsync("", args);

    /// <summary>Runs <c>wq</c> with something to read.</summary>
    public Task<Result> FeedAsync(string input, params string[] args) => RunAsync(new MemoryStream(Encoding.UTF8.GetBytes(input)), canAsk: false, CancellationToken.None, args);

    /// <summary>Runs <c>wq</c> against this producer.</summary>
    public async Task<Result> RunAsync(Stream input, bool canAsk, CancellationToken cancellationToken, params string[] args)
    {
        using StringWriter output = new();
        using StringWriter error = new();
        Terminal terminal = new(input, output, error) { CanAsk = canAsk, Variable = name => name == "WORKQUEUE_URL" ? Url : null };
        int code = await CommandLine.RunAsync(args, terminal, cancellationToken).WaitAsync(TestEnvironment.Patience);
        return new Result(code, output.ToString(), error.ToString());
    }

    public async ValueTask DisposeAsync() => await _app.DisposeAsync();

    private async Task AnswerAsync(HttpContext context)
    {
        HttpRequest request = context.Request;
        using StreamReader reader = new(request.Body);
        string body = await reader.ReadToEndAsync();
        context.Items[Lines] = body.Count(letter => letter == '\n');
        Dictionary<string, string> headers = request.Headers.ToDictionary(header => header.Key, header => header.Value.ToString());
        _received.Enqueue(new Received($"{request.Method} {request.Path.Value}", request.QueryString.ToString(), body, request.ContentType, headers));
        if (!_answers.TryGetValue($"{request.Method} {request.Path}", out ConcurrentQueue<RequestDelegate>? answers))
        {
            context.Response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }

        RequestDelegate? answer;
        while (!(answers.Count > 1 ? answers.TryDequeue(out answer) : answers.TryPeek(out answer)))
        {
        }

        await answer(context);
    }
}

/// <summary>What the producer was asked.</summary>
internal sealed record Received(string Call, string Query, string Body, string? ContentType, IReadOnlyDictionary<string, string> Headers);

/// <summary>What a run of <c>wq</c> left behind.</summary>
internal sealed record Result(int Code, string Out, string Error)
{
    public string[] Lines => Out.Split('\n', StringSplitOptions.RemoveEmptyEntries);
}
