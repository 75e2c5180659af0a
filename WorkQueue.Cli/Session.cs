using System.CommandLine;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli;

/// <summary>What a verb works with: the producer and the output.</summary>
internal sealed class Session : IDisposable
{
    private Session(Terminal terminal, ApiClient api, Printer printer) => (Terminal, Api, Printer) = (terminal, api, printer);

    public Terminal Terminal { get; }

    public ApiClient Api { get; }

    public Printer Printer { get; }

    /// <summary>Opens a session as the global options and the environment say.</summary>
    /// <exception cref="UsageException">The address or the key cannot be one.</exception>
    public static Session Open(ParseResult parse, Terminal terminal)
    {
        string url = Given(parse.GetValue<string?>(GlobalOptions.Url)) ?? Given(terminal.Variable(GlobalOptions.UrlVariable)) ?? GlobalOptions.DefaultUrl;
        if (!Uri.TryCreate(url, UriKind.Absolute, out Uri? address) || address.Scheme is not ("http" or "https"))
        {
            throw new UsageException($"'{url}' is no address of a producer; {GlobalOptions.Url} (or {GlobalOptions.UrlVariable}) is one like {GlobalOptions.DefaultUrl}.");
        }

        string? key = Given(parse.GetValue<string?>(GlobalOptions.ApiKey)) ?? Given(terminal.Variable(GlobalOptions.ApiKeyVariable));
        if (key?.Any(letter => letter is <= ' ' or > '~') == true)
        {
            throw new UsageException($"The API key has a letter that a header cannot carry; check {GlobalOptions.ApiKey} or {GlobalOptions.ApiKeyVariable}.");
        }

        return new Session(terminal, new ApiClient(new ApiConnection(address, key, terminal.Clock)), new Printer(terminal, parse.GetValue<bool>(GlobalOptions.Json)));
    }

    public void Dispose() => Api.Dispose();

    private static string? Given(string? value) => string.IsNullOrWhiteSpace(value) ? null : value.Trim();
}
