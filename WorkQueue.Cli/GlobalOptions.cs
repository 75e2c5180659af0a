using System.CommandLine;

namespace WorkQueue.Cli;

/// <summary>The options every verb has.</summary>
internal static class GlobalOptions
{
    public const string Url = "--url";
    public const string ApiKey = "--api-key";
    public const string Json = "--json";
    public const string DefaultUrl = "http://localhost:5180";
    public const string UrlVariable = "WORKQUEUE_URL";
    public const string ApiKeyVariable = "WORKQUEUE_API_KEY";

    public static Option[] All =>
    [
        new Option<string?>(Url) { Description = $"The producer; without it {UrlVariable}, or {DefaultUrl}.", HelpName = "url", Recursive = true },
        new Option<string?>(ApiKey)
        {
            Description = $"A key of the producer's WorkQueue:ApiKeys; better in {ApiKeyVariable}, where no list of processes shows it.",
            HelpName = "key",
            Recursive = true,
        },
        new Option<bool>(Json) { Description = "Print JSON: one document, or one a line where the output is a stream.", Recursive = true },
    ];
}
