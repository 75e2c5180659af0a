using System.Globalization;
using System.Net;
using System.Text.Json;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Api;

/// <summary>From an answer that is an error to what the user is told.</summary>
internal static class Problem
{
    public static ApiException Of(HttpResponseMessage answer, ReadOnlyMemory<byte> body)
    {
        string call = $"{answer.RequestMessage?.Method} {answer.RequestMessage?.RequestUri?.GetLeftPart(UriPartial.Path)}";
        string what = Read(body) is { } details
            ? $"{(details.Detail ?? details.Title ?? "The producer gives no reason").TrimEnd('.')} ({(int)answer.StatusCode}, {call})"
            : $"{call} was answered {(int)answer.StatusCode} without a reason";
        return new ApiException(ExitCodeOf(answer.StatusCode), $"{what}.{Advice(answer, body.Length > 0)}")
        {
            Status = (int)answer.StatusCode,
            IsOutcomeUnknown = answer.StatusCode == HttpStatusCode.GatewayTimeout,
            IsReplaying = ApiConnection.HistoryOf(answer) == ApiConnection.Replaying,
        };
    }

    private static int ExitCodeOf(HttpStatusCode status) => status switch
    {
        HttpStatusCode.NotFound => ExitCode.NotFound,
        HttpStatusCode.TooManyRequests or HttpStatusCode.BadGateway or HttpStatusCode.ServiceUnavailable or HttpStatusCode.GatewayTimeout => ExitCode.TryAgain,
        _ => ExitCode.Failed,
    };

    private static string Advice(HttpResponseMessage answer, bool hasBody) => answer.StatusCode switch
    {
        HttpStatusCode.Unauthorized or HttpStatusCode.Forbidden => $" Set {GlobalOptions.ApiKeyVariable} or {GlobalOptions.ApiKey} to a key of the producer.",
        HttpStatusCode.NotFound when ApiConnection.HistoryOf(answer) == ApiConnection.Replaying => " The producer still reads its history: try again soon.",
        HttpStatusCode.NotFound when !hasBody => $" Is {GlobalOptions.Url} a WorkQueue producer of this version?",
        HttpStatusCode.ServiceUnavailable or HttpStatusCode.TooManyRequests => $" Try again{RetryAfter(answer)}.",
        _ => "",
    };

    private static string RetryAfter(HttpResponseMessage answer) =>
        answer.Headers.RetryAfter?.Delta is { } delta ? string.Create(CultureInfo.InvariantCulture, $" in {delta.TotalSeconds:0} s") : " later";

    private static ProblemDetails? Read(ReadOnlyMemory<byte> body)
    {
        try
        {
            return JsonSerializer.Deserialize<ProblemDetails>(body.Span, WireJson.Options) is { } read && (read.Detail ?? read.Title) is not null ? read : null;
        }
        catch (JsonException)
        {
            return null; // Something else than a producer answered.
        }
    }

    private sealed record ProblemDetails(string? Title, string? Detail);
}
