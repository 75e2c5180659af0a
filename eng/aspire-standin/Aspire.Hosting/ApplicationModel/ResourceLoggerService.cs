using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Aspire.Hosting.ApplicationModel;

public readonly record struct LogLine(int LineNumber, string Content, bool IsErrorMessage);

/// <summary>What each instance has printed: its last lines, then each new one.</summary>
public sealed class ResourceLoggerService
{
    private const int Backlog = 10_000;
    private readonly Lock _gate = new();
    private readonly Dictionary<string, Log> _logs = new(StringComparer.OrdinalIgnoreCase);

    public IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(string resourceName) => WatchAsync(resourceName, CancellationToken.None);

    internal void Write(string name, string content, bool error)
    {
        lock (_gate)
        {
            Log log = LogOf(name);
            LogLine line = new(++log.Count, content, error);
            log.Lines.Enqueue(line);
            if (log.Lines.Count > Backlog)
                log.Lines.Dequeue();

            foreach (Channel<LogLine> watcher in log.Watchers)
                watcher.Writer.TryWrite(line);
        }
    }

    private async IAsyncEnumerable<IReadOnlyList<LogLine>> WatchAsync(string name, [EnumeratorCancellation] CancellationToken cancellationToken)
    {
        Channel<LogLine> watcher = Channel.CreateUnbounded<LogLine>();
        Log log;
        lock (_gate)
        {
            log = LogOf(name);
            foreach (LogLine line in log.Lines)
                watcher.Writer.TryWrite(line);

            log.Watchers.Add(watcher);
        }

        try
        {
            await foreach (LogLine line in watcher.Reader.ReadAllAsync(cancellationToken).ConfigureAwait(false))
                yield return [line];
        }
        finally
        {
            lock (_gate)
                log.Watchers.Remove(watcher);
        }
    }

    private Log LogOf(string name) => _logs.TryGetValue(name, out Log? log) ? log : _logs[name] = new();

    private sealed class Log
    {
        public Queue<LogLine> Lines { get; } = new();
        public List<Channel<LogLine>> Watchers { get; } = [];
        public int Count { get; set; }
    }
}
