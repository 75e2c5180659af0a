using System.Globalization;
using System.Net.Http.Headers;
using System.Net.Http.Json;
using System.Text.Json;
using Microsoft.Extensions.Configuration;

namespace WorkQueue.AppHost;

/// <summary>The producer's commands on the dashboard.</summary>
internal static class ProducerCommands
{
    private const string AllQueues = "all";
    private static readonly string[] SampleTexts = ["First.", "Second..", "Third...", "Fourth....", "Fifth.....", "fail, as a sample"];

    public static IResourceBuilder<ProjectResource> WithCommands(this IResourceBuilder<ProjectResource> producer, ProducerClient client)
    {
        ConfigurationManager configuration = producer.ApplicationBuilder.Configuration;
        string[] types = [.. configuration.GetSection("WorkQueue:Types").GetChildren().Select(type => type.Key).OrderByDescending(type => type == "simulate")];
        string[] queues = [.. configuration.GetSection("WorkQueue:Queues").GetChildren().Select(queue => queue.Key).Prepend("default").Distinct()];
        return producer
            .WithHttpCommand("/tasks", "Send a task", commandName: "send-task", commandOptions: new ApiCommand(producer, client)
            {
                Description = "Enqueues a task.",
                IconName = "Send",
                IsHighlighted = true,
                Arguments =
                [
                    Choice("type", "Type", types),
                    new InteractionInput { Name = "text", Label = "Text or payload", InputType = InputType.Text, Required = true, Value = "Hello...", Description = "Of a simulate task its text, a second of work a dot; of another type the payload, as JSON." },
                    new InteractionInput { Name = "delay", Label = "Delay", InputType = InputType.Text, Placeholder = "00:00:05", Description = "How long it waits first: hh:mm:ss, or empty." },
                ],
                ValidateArguments = CheckTask,
                Body = TaskOf,
                Message = answer => $"Task {answer.GetProperty("id")} is {answer.GetProperty("state")}.",
                Page = answer => $"/board/tasks/{answer.GetProperty("id")}",
            })
            .WithHttpCommand("/tasks/batch", "Send sample tasks", commandName: "send-sample-tasks", commandOptions: new ApiCommand(producer, client)
            {
                Description = "Enqueues five tasks of one to five seconds, and one that fails.",
                IconName = "SendCopy",
                Body = _ => new StringContent(string.Join('\n', SampleTexts.Select(text => JsonSerializer.Serialize(new { type = "simulate", payload = new { text } }))), new MediaTypeHeaderValue("application/x-ndjson")),
                Message = answer => $"{answer.GetProperty("accepted")} sample tasks enqueued.",
                Page = _ => "/board/tasks",
            })
            .WithHttpCommand("/queues", "Pause a queue", commandName: "pause-queue", commandOptions: Switch("pause", "Pause", "Workers finish what they run and take no more tasks; more can be enqueued.", paused => paused.Length < queues.Length))
            .WithHttpCommand("/queues", "Resume a queue", commandName: "resume-queue", commandOptions: Switch("resume", "Play", "Workers take tasks again.", paused => paused.Length > 0))
            .WithHttpCommand("/dead-letters/redrive", "Redrive dead letters", commandName: "redrive-dead-letters", commandOptions: new ApiCommand(producer, client)
            {
                Description = "Runs dead letters again.",
                IconName = "ArrowRepeatAll",
                Arguments = [Choice("queue", "Queue", [AllQueues, .. queues])],
                // An empty text is in every error.
                Body = input => JsonContent.Create(new { queue = input.GetString("queue") is { } queue && queue != AllQueues ? queue : null, error = "" }),
                Message = answer => $"{answer.GetProperty("count")} dead letters run again.",
                Page = _ => "/board/dead-letters",
            });

        ApiCommand Switch(string verb, string icon, string description, Func<string[], bool> makesSense) => new(producer, client)
        {
            Description = description,
            IconName = icon,
            Arguments = [Choice("queue", "Queue", queues)],
            Path = input => $"/queues/{input.GetString("queue")}/{verb}",
            Body = _ => null,
            Message = answer => $"Queue {answer.GetProperty("queue")} is {(answer.GetProperty("paused").GetBoolean() ? "paused" : "not paused")}.",
            Page = _ => "/board/queues",
            MakesSense = makesSense,
        };
    }

    private static Task CheckTask(InputsDialogValidationContext context)
    {
        context.Check("delay", text => text.Length == 0 || TimeSpan.TryParse(text, CultureInfo.InvariantCulture, out _), "A duration, hh:mm:ss.");
        context.Check("text", text => IsText(context.Inputs) || Payload(text) is not null, "Of this type the payload is a JSON document.");
        return Task.CompletedTask;
    }

    private static JsonContent TaskOf(InteractionInputCollection input)
    {
        string text = input.GetString("text") ?? "";
        object payload = IsText(input) ? new { text } : Payload(text)!;
        return JsonContent.Create(new { type = input.GetString("type"), payload, delay = input.GetString("delay") is { Length: > 0 } delay ? delay : null });
    }

    private static bool IsText(InteractionInputCollection input) => input.GetString("type") == "simulate";

    private static JsonElement? Payload(string json)
    {
        try
        {
            return JsonSerializer.Deserialize<JsonElement>(json);
        }
        catch (JsonException)
        {
            return null;
        }
    }

    private static InteractionInput Choice(string name, string label, string[] options) => new()
    {
        Name = name,
        Label = label,
        InputType = InputType.Choice,
        Required = true,
        Options = [.. options.Select(option => KeyValuePair.Create(option, option))],
        Value = options.FirstOrDefault(),
    };
}
