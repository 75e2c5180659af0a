using System.CommandLine;
using System.Text.Json;
using WorkQueue.Cli.Api;
using WorkQueue.Cli.Output;

namespace WorkQueue.Cli.Commands;

/// <summary><c>wq emit</c>: an event for all who subscribed to its topic.</summary>
internal static class EmitCommand
{
    public static Command Create(Terminal terminal)
    {
        Argument<string> topic = Verb.Name("topic", "Words between dots: orders.eu.created; not task.…");
        Argument<string[]> words = new("text") { Description = "The payload, a text.", Arity = ArgumentArity.ZeroOrMore };
        Option<string?> payload = new("--payload") { Description = "The payload, in place of a text.", HelpName = "json" };
        return new Command("emit", "Publishes an event to all who subscribed to its topic; done when the broker has confirmed it. Prints its id.") { topic, words, payload }.Runs(
            terminal,
            (session, parse, cancellationToken) => RunAsync(session, parse.GetRequiredValue(topic), parse.GetValue(words) ?? [], parse.GetValue(payload), cancellationToken));
    }

    private static async Task<int> RunAsync(Session session, string topic, string[] words, string? payload, CancellationToken cancellationToken)
    {
        if (words.Length > 0 == payload is not null)
        {
            throw new UsageException("Give a text or --payload, one of the two.");
        }

        JsonElement sent = payload is null ? JsonSerializer.SerializeToElement(string.Join(' ', words)) : WireJson.Parse(payload, "--payload");
        EventPublished published = await session.Api.EmitAsync(topic, sent, cancellationToken);
        if (session.Printer.IsJson)
        {
            session.Printer.Document(published);
        }
        else
        {
            session.Printer.Line(published.Id);
        }

        return ExitCode.Done;
    }
}
