using System.Diagnostics.CodeAnalysis;

namespace WorkQueue.Producer.History;

/// <summary>A topic pattern, as topic exchanges have them: words between dots; <c>*</c> is one word, <c>#</c> any number of words, also none.</summary>
internal sealed class TopicPattern
{
    public const string Rule = "words of letters, digits, '-' and '_' between dots, where '*' is one word and '#' any number of words; at most 20 words";

    private const int MaxWords = 20;
    private const int MaxLength = 500;

    private readonly string[] _words;

    private TopicPattern(string[] words) => _words = words;

    /// <summary>Reads a pattern.</summary>
    public static bool TryParse(string? text, [NotNullWhen(true)] out TopicPattern? pattern)
    {
        string[] words = text is { Length: <= MaxLength } ? text.Split('.') : [""];
        pattern = words.Length <= MaxWords && words.All(IsWord) ? new TopicPattern(words) : null;
        return pattern is not null;
    }

    /// <summary>Whether a topic fits.</summary>
    public bool Matches(string topic)
    {
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

    private static bool IsWord(string word) =>
        word is "*" or "#" || (word.Length > 0 && word.All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_'));
}
