using System.Text;

namespace WorkQueue.Benchmarks;

/// <summary>
/// The report: a section for each comparison. A run replaces the sections of what it measured and leaves the others as they are, so each of them
/// says itself where it comes from.
/// </summary>
internal sealed class ResultsFile
{
    private const string Header = """
        # Results

        - Made by `dotnet run -c Release --project WorkQueue.Benchmarks -- all`, which installs the peers too, where it may; names instead of `all`, with
          `--output WorkQueue.Benchmarks/RESULTS.md --charts docs/images`, measure again what they name, and keep the rest; `--image` names another RabbitMQ
        - On a broker of the benchmarks' own: one node, quorum queues unless said otherwise, persistent messages, on loopback; broker and contenders share the machine
        - A figure is the median of all rounds; a ratio is the median of the ratios of neighbouring measurements, which is what to trust on a busy machine

        """;

    private const string Mark = "\n## ";

    private readonly List<KeyValuePair<string, string>> _sections = [];

    /// <summary>The sections, by title.</summary>
    public IReadOnlyDictionary<string, string> Sections => new Dictionary<string, string>(_sections, StringComparer.Ordinal);

    public static ResultsFile Parse(string text)
    {
        ResultsFile file = new();
        foreach (string section in text.Split(Mark).Skip(1))
        {
            int end = section.IndexOf('\n', StringComparison.Ordinal);
            file.Put(section[..end], section[end..].Trim('\n') + "\n");
        }

        return file;
    }

    /// <summary>Replaces the section, or adds it at the end.</summary>
    public void Put(string title, string text)
    {
        int index = _sections.FindIndex(section => section.Key == title);
        if (index >= 0)
        {
            _sections[index] = new(title, text);
        }
        else
        {
            _sections.Add(new(title, text));
        }
    }

    public override string ToString()
    {
        StringBuilder text = new(Header);
        foreach ((string title, string body) in _sections)
        {
            text.Append(Mark).Append(title).Append("\n\n").Append(body);
        }

        return text.ToString();
    }
}
