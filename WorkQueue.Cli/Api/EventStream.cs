using System.Net.ServerSentEvents;

namespace WorkQueue.Cli.Api;

/// <summary>Server-sent events that go on after a lost connection where they stopped.</summary>
internal sealed class EventStream(ApiClient api, TimeProvider clock, Action<string> note)
{
    private static readonly TimeSpan FirstPause = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestPause = TimeSpan.FromSeconds(10);

    private string? _lastId;
    private bool _wasOpen;
    private bool _isLost;
    private TimeSpan _pause = FirstPause;

    /// <summary>Hands on each event until it is cancelled.</summary>
    /// <exception cref="ApiException">The first connection came to nothing, or the producer refuses.</exception>
    public async Task ReadAsync(IReadOnlyList<string> patterns, Action<SseItem<string>> show, CancellationToken cancellationToken)
    {
        while (true)
        {
            try
            {
                await ReadOnceAsync(patterns, show, cancellationToken);
            }
            catch (ApiException away) when (_wasOpen && away.ExitCode == ExitCode.TryAgain)
            {
            }
            catch (IOException broken) when (!Terminal.IsBrokenPipe(broken))
            {
            }

            if (!_isLost)
            {
                note("The connection to the producer is lost; trying again.");
            }

            _isLost = true;
            await Task.Delay(_pause, clock, cancellationToken);
            _pause = TimeSpan.FromTicks(Math.Min(_pause.Ticks * 2, LongestPause.Ticks));
        }
    }

    private async Task ReadOnceAsync(IReadOnlyList<string> patterns, Action<SseItem<string>> show, CancellationToken cancellationToken)
    {
        using HttpResponseMessage answer = await api.OpenEventsAsync(patterns, _lastId, cancellationToken);
        if (_isLost)
        {
            note("Connected again.");
        }

        (_wasOpen, _isLost, _pause) = (true, false, FirstPause);
        await using Stream stream = await answer.Content.ReadAsStreamAsync(cancellationToken);
        SseParser<string> parser = SseParser.Create(stream);
        await foreach (SseItem<string> item in parser.EnumerateAsync(cancellationToken))
        {
            show(item);
            // Not the parser's own: it starts anew, empty, with each connection.
            _lastId = item.EventId ?? _lastId;
        }
    }
}
