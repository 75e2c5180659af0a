using System.Net.Http.Headers;
using System.Text.Json;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Api;

/// <summary>HTTP to one producer: the key, the time limits, and errors that say what is wrong and where.</summary>
internal sealed class ApiConnection : IDisposable
{
    /// <summary>The state of the producer's history in which its answers may be incomplete.</summary>
    public const string Replaying = "replaying";

    private static readonly TimeSpan ConnectLimit = TimeSpan.FromSeconds(5);

    // More than a producer takes to say that it does not know (its confirms time out after 30 s).
    private static readonly TimeSpan AnswerLimit = TimeSpan.FromSeconds(100);

    private readonly HttpClient _http;
    private readonly TimeProvider _clock;

    public ApiConnection(Uri url, string? key, TimeProvider clock)
    {
        SocketsHttpHandler handler = new() { ConnectTimeout = ConnectLimit, UseProxy = !url.IsLoopback, AllowAutoRedirect = false };
        Uri address = new(url.GetLeftPart(UriPartial.Path).TrimEnd('/') + "/");
        _http = new HttpClient(handler) { BaseAddress = address, Timeout = Timeout.InfiniteTimeSpan };
        _http.DefaultRequestHeaders.Authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        _clock = clock;
    }

    public static string? HistoryOf(HttpResponseMessage answer) =>
        answer.Headers.TryGetValues("WorkQueue-History", out IEnumerable<string>? values) ? values.FirstOrDefault() : null;

    /// <summary>Calls and reads the answer.</summary>
    /// <exception cref="ApiException">No answer, an error, or not the answer of a producer.</exception>
    public async Task<Answer<T>> CallAsync<T>(HttpRequestMessage request, CancellationToken cancellationToken, bool takesLong = false)
    {
        using CancellationTokenSource limit = new(takesLong ? Timeout.InfiniteTimeSpan : AnswerLimit, _clock);
        using CancellationTokenSource either = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken, limit.Token);
        try
        {
            using HttpResponseMessage answer = await _http.SendAsync(request, HttpCompletionOption.ResponseContentRead, either.Token);
            byte[] body = await answer.Content.ReadAsByteArrayAsync(either.Token);
            return answer.IsSuccessStatusCode ? new Answer<T>(Read<T>(body), HistoryOf(answer)) : throw Problem.Of(answer, body);
        }
        catch (HttpRequestException failure)
        {
            throw NotReached(failure);
        }
        catch (OperationCanceledException) when (limit.IsCancellationRequested)
        {
            throw new ApiException(ExitCode.TryAgain, $"{_http.BaseAddress} did not answer within {Durations.Text(AnswerLimit)}. Try again.") { IsOutcomeUnknown = true };
        }
    }

    /// <summary>Opens an answer that does not end.</summary>
    /// <exception cref="ApiException">No answer, or an error.</exception>
    public async Task<HttpResponseMessage> OpenAsync(HttpRequestMessage request, CancellationToken cancellationToken)
    {
        try
        {
            HttpResponseMessage answer = await _http.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellationToken);
            if (answer.IsSuccessStatusCode)
            {
                return answer;
            }

            using (answer)
            {
                throw Problem.Of(answer, await answer.Content.ReadAsByteArrayAsync(cancellationToken));
            }
        }
        catch (HttpRequestException failure)
        {
            throw NotReached(failure);
        }
    }

    public void Dispose() => _http.Dispose();

    private T Read<T>(byte[] body)
    {
        try
        {
            return JsonSerializer.Deserialize<T>(body, WireJson.Options) ?? throw new JsonException("it is null");
        }
        catch (JsonException unreadable)
        {
            string where = unreadable.Path is { Length: > 1 } path ? $" at {path}" : "";
            throw new ApiException(ExitCode.Failed, $"{_http.BaseAddress} does not answer as a WorkQueue producer of this version{where}; check {GlobalOptions.Url}.", unreadable);
        }
    }

    private ApiException NotReached(HttpRequestException failure)
    {
        string why = failure.GetBaseException().Message.TrimEnd('.');
        bool sent = failure.HttpRequestError is not (HttpRequestError.ConnectionError or HttpRequestError.NameResolutionError or HttpRequestError.SecureConnectionError);
        return sent
            ? new ApiException(ExitCode.TryAgain, $"The connection to {_http.BaseAddress} broke before the answer ({why}). Try again.", failure) { IsOutcomeUnknown = true }
            : new ApiException(
                ExitCode.TryAgain,
                $"No producer answers at {_http.BaseAddress} ({why}). Start it with ./run.sh, or name another by {GlobalOptions.Url} or {GlobalOptions.UrlVariable}.",
                failure);
    }
}

/// <summary>An answer and the state of the history it was made from (null where none was used).</summary>
internal sealed record Answer<T>(T Value, string? History);
