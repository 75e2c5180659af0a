using RabbitMQ.Client;

namespace WorkQueue.Messaging.Publishing;

/// <summary>A channel with its window: the publishes on it that the broker has not answered. A window belongs to its channel, for those a dead one never ends must not take places of the next.</summary>
#pragma warning disable CA1001 // A semaphore without a wait handle has nothing to dispose of.
internal sealed class PublishChannel(IChannel channel, int window, TimeProvider clock)
#pragma warning restore CA1001
{
    private readonly SemaphoreSlim _window = new(window);
    private readonly long[] _startedAt = new long[window];
    private readonly Stack<int> _free = new(Enumerable.Range(0, window));
    private readonly long _openedAt = clock.GetTimestamp();

    public IChannel Channel { get; } = channel;

    public TimeSpan Age => clock.GetElapsedTime(_openedAt);

    /// <summary>Whether the broker has answered everything.</summary>
    public bool IsIdle
    {
        get
        {
            lock (_free)
            {
                return _free.Count == _startedAt.Length;
            }
        }
    }

    /// <summary>How long the oldest publish has gone unanswered.</summary>
    public TimeSpan Oldest
    {
        get
        {
            lock (_free)
            {
                long oldest = _startedAt.Where(startedAt => startedAt != 0).DefaultIfEmpty(clock.GetTimestamp()).Min();
                return clock.GetElapsedTime(oldest);
            }
        }
    }

    /// <summary>Waits for a place.</summary>
    public Task<bool> EnterAsync(TimeSpan limit, CancellationToken cancellationToken) => _window.WaitAsync(limit, cancellationToken);

    /// <summary>Gives a place back that was not used.</summary>
    public void Leave() => _window.Release();

    /// <summary>A publish starts in the place that was waited for.</summary>
    public int Begin()
    {
        lock (_free)
        {
            int place = _free.Pop();
            _startedAt[place] = clock.GetTimestamp();
            return place;
        }
    }

    /// <summary>It has ended.</summary>
    public void End(int place)
    {
        lock (_free)
        {
            _startedAt[place] = 0;
            _free.Push(place);
        }

        _window.Release();
    }
}
