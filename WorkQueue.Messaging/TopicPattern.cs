using System.Diagnostics.CodeAnalysis;
using System.Text;

namespace WorkQueue.Messaging;

/// <summary>A topic pattern, as topic exchanges have them: words between dots; <c>*</c> is one word, <c>#</c> any number of words, also none.</summary>
public sealed class TopicPattern
{
    /// <summary>What a pattern is, for error messages.</summary>
    public const string Rule =
        "words between dots, at most 20 and 255 bytes, without white space; '*' is one word and '#' any number of words, and neither stands in a word with others";

    private const int MaxWords = 20;
    private const int MaxBytes = 255;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string _text;
    private readonly string[] _words;

    private TopicPattern(string text, string[] words) => (_text, _words) = (text, words);

    /// <summary>Its first word: a word, <c>*</c> or <c>#</c>.</summary>
    public string FirstWord => _words[0];

    /// <summary>Reads a pattern.</summary>
    /// <param name="text">The pattern.</param>
    /// <param name="pattern">What was read; null for no pattern.</param>
    /// <returns>False for no pattern; it is <see cref="Rule"/>.</returns>
    public static bool TryParse(string? text, [NotNullWhen(true)] out TopicPattern? pattern)
    {
        string[] words = (text ?? "").Split('.');
        pattern = words.Length <= MaxWords && FitsKey(text) && words.All(word => word is "*" or "#" || IsWord(word)) ? new TopicPattern(text!, words) : null;
        return pattern is not null;
    }

    /// <summary>Whether a topic fits.</summary>
    /// <param name="topic">The topic.</param>
    public bool Matches(string topic)
    {
        ArgumentNullException.ThrowIfNull(topic);
        // Greedy, as with a file name pattern: only the last '#' is ever taken back, so the effort is bounded by words times words.
        string[] topics = topic.Split('.');
        (int word, int at, int hash, int restart) = (0, 0, -1, 0);
        while (at < topics.Length)
        {
            if (word < _words.Length && _words[word] == "#")
            {
                (hash, restart) = (word++, at);
            }
            else if (word < _words.Length && (_words[word] == "*" || _words[word] == topics[at]))
            {
                word++;
                at++;
            }
            else if (hash >= 0)
            {
                (word, at) = (hash + 1, ++restart);
            }
            else
            {
                return false;
            }
        }

        return _words.Skip(word).All(rest => rest == "#");
    }

    /// <summary>The pattern as it was written.</summary>
    public override string ToString() => _text;

    /// <summary>Whether this can be a word of a topic.</summary>
    internal static bool IsWord(string word) =>
        word.Length > 0 && !word.Any(letter => letter is '*' or '#' || char.IsControl(letter) || char.IsWhiteSpace(letter));

    /// <summary>Whether AMQP could carry this as a routing key.</summary>
    internal static bool FitsKey([NotNullWhen(true)] string? text)
    {
        try
        {
            return text is not null && StrictUtf8.GetByteCount(text) <= MaxBytes;
        }
        catch (EncoderFallbackException)
        {
            return false;
        }
    }
}
