using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Logging;

namespace WorkQueue.AppHost;

/// <summary>The commands and links of the producer on the dashboard. The commands call its HTTP API, which is the one way in.</summary>
internal static partial class ProducerCommands
{
    public const string Pause = "pause-queues";
    public const string Resume = "resume-queues";
    public const string Redrive = "redrive-dead-letters";
    public const string Samples = "send-sample-tasks";

    private static readonly string[] SampleTexts = ["First.", "Second..", "Third...", "Fourth....", "Fifth.....", "fail, as a sample"];

    public static IResourceBuilder<ProjectResource> WithLinksAndCommands(this IResourceBuilder<ProjectResource> producer)
    {
        Api api = new(producer);
        return producer
            .WithUrlForEndpoint("http", url => url.DisplayText = "Task board")
            .WithUrlForEndpoint("http", _ => new ResourceUrlAnnotation { Url = "/openapi/v1.json", DisplayText = "OpenAPI" })
            .WithCommand(Samples, "Send sample tasks", context => api.RunAsync(context, SendSamplesAsync), new CommandOptions
            {
                Description = "Enqueues five tasks of one to five seconds, and one that fails.",
                IconName = "Send",
                IsHighlighted = true,
            })
            .WithCommand(Pause, "Pause all queues", context => api.RunAsync(context, (http, stop) => SwitchAsync(http, "pause", "paused", stop)), new CommandOptions
            {
                Description = "Workers finish what they run and take no more tasks; tasks can still be enqueued.",
                ConfirmationMessage = "Pause all queues? Tasks wait until they are resumed.",
                IconName = "Pause",
            })
            .WithCommand(Resume, "Resume all queues", context => api.RunAsync(context, (http, stop) => SwitchAsync(http, "resume", "resumed", stop)), new CommandOptions
            {
                Description = "Workers take tasks again.",
                IconName = "Play",
            })
            .WithCommand(Redrive, "Redrive dead letters", context => api.RunAsync(context, RedriveAsync), new CommandOptions
            {
                Description = "Runs every dead letter of every queue again.",
                ConfirmationMessage = "Run all dead letters again?",
                IconName = "ArrowRepeatAll",
            });
    }

    private static async Task<string> SendSamplesAsync(HttpClient http, CancellationToken stop)
    {
        foreach (string text in SampleTexts)
        {
            using StringContent task = new(text);
            await ReadAsync(await http.PostAsync(new Uri("/tasks", UriKind.Relative), task, stop), stop);
        }

        return string.Create(CultureInfo.InvariantCulture, $"{SampleTexts.Length} sample tasks enqueued.");
    }

    private static async Task<string> SwitchAsync(HttpClient http, string verb, string done, CancellationToken stop)
    {
        JsonElement queues = await ReadAsync(await http.GetAsync(new Uri("/queues", UriKind.Relative), stop), stop);
        string[] names = [.. queues.GetProperty("items").EnumerateArray().Select(queue => queue.GetProperty("name").GetString()!)];
        if (names.Length == 0)
        {
            throw new HttpRequestException("The producer knows of no queues: the broker does not answer.");
        }

        foreach (string name in names)
        {
            await ReadAsync(await http.PostAsync(new Uri($"/queues/{name}/{verb}", UriKind.Relative), null, stop), stop);
        }

        return $"{string.Join(", ", names)}: {done}.";
    }

    private static async Task<string> RedriveAsync(HttpClient http, CancellationToken stop)
    {
        // An empty text is in every error.
        JsonElement answer = await ReadAsync(await http.PostAsJsonAsync(new Uri("/dead-letters/redrive", UriKind.Relative), new { error = "" }, stop), stop);
        return $"{answer.GetProperty("count")} dead letters redriven.";
    }

    private static async Task<JsonElement> ReadAsync(HttpResponseMessage answer, CancellationToken stop)
    {
        using (answer)
        {
            string body = await answer.Content.ReadAsStringAsync(stop);
            return answer.IsSuccessStatusCode
                ? JsonSerializer.Deserialize<JsonElement>(body)
                : throw new HttpRequestException($"The producer answered {(int)answer.StatusCode}: {body}", null, answer.StatusCode);
        }
    }

    private sealed partial class Api(IResourceBuilder<ProjectResource> producer)
    {
        public async Task<ExecuteCommandResult> RunAsync(ExecuteCommandContext context, Func<HttpClient, CancellationToken, Task<string>> call)
        {
            try
            {
                using HttpClient http = new() { BaseAddress = new Uri(producer.GetEndpoint("http").Url), Timeout = Timeout.InfiniteTimeSpan };
                if (producer.ApplicationBuilder.Configuration.GetSection("WorkQueue:ApiKeys").GetChildren().FirstOrDefault()?.Value is { Length: > 0 } key)
                {
                    http.DefaultRequestHeaders.Authorization = new AuthenticationHeaderValue("Bearer", key);
                }

                Done(context.Logger, await call(http, context.CancellationToken));
                return CommandResults.Success();
            }
            catch (Exception failure) when (failure is HttpRequestException or TaskCanceledException && !context.CancellationToken.IsCancellationRequested)
            {
                return CommandResults.Failure(failure.Message);
            }
        }

        [LoggerMessage(1, LogLevel.Information, "{Result}")]
        private static partial void Done(ILogger logger, string result);
    }
}
