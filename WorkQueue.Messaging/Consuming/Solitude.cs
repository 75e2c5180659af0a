namespace WorkQueue.Messaging.Consuming;

/// <summary>
/// Has a task of which workers may have died run alone in its process: what dies with it would be blamed too. While one is to run so, the other
/// slots finish what they run and take no more.
/// </summary>
internal sealed class Solitude(TimeProvider clock)
{
    // One death may be anybody's; the second of the same task is suspicious.
    private const int Suspicious = 2;

    private readonly TimeProvider _clock = clock;
    private readonly Lock _lock = new();
    private readonly List<Place> _places = [];
    private Place? _holder;
    private TaskCompletionSource _free = Done();
    private TaskCompletionSource? _quiet;

    /// <summary>Whether a task is to run alone: at the second death, or one before the limit.</summary>
    public static bool IsFor(long crashes, int limit) => crashes >= Math.Clamp(limit - 1, 1, Suspicious);

    /// <summary>The place of a slot, for as long as that lives.</summary>
    public Place Join()
    {
        Place place = new(this);
        lock (_lock)
        {
            _places.Add(place);
        }

        return place;
    }

    private static TaskCompletionSource Done()
    {
        TaskCompletionSource done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        done.SetResult();
        return done;
    }

    /// <summary>A slot among the others.</summary>
#pragma warning disable CA1001 // A source without a timer or wait handle has nothing to dispose of, and its token is in others' hands.
    internal sealed class Place(Solitude all)
#pragma warning restore CA1001
    {
        private CancellationTokenSource _asideAsked = new();
        private bool _isRunning;

        /// <summary>Another slot's task is to run alone.</summary>
        public bool IsAside
        {
            get
            {
                lock (all._lock)
                {
                    return all._holder is not null && all._holder != this;
                }
            }
        }

        /// <summary>Cancelled when this slot is to take no more tasks for a while.</summary>
        public CancellationToken Aside
        {
            get
            {
                lock (all._lock)
                {
                    return _asideAsked.Token;
                }
            }
        }

        /// <summary>Waits until this slot may take tasks.</summary>
        public async Task WaitFreeAsync(CancellationToken cancellationToken)
        {
            while (IsAside)
            {
                Task free;
                lock (all._lock)
                {
                    free = all._free.Task;
                }

                await free.WaitAsync(cancellationToken);
            }
        }

        /// <summary>A task is about to run.</summary>
        /// <returns>False when another's runs alone, or is about to.</returns>
        public bool TryEnter()
        {
            lock (all._lock)
            {
                _isRunning = all._holder is null || all._holder == this;
                return _isRunning;
            }
        }

        /// <summary>A task is to run alone; returns when nothing else runs, or after the limit all the same.</summary>
        /// <returns>False when another's runs alone, or is about to.</returns>
        public async Task<bool> TryEnterAloneAsync(TimeSpan limit, CancellationToken cancellationToken)
        {
            Task quiet;
            lock (all._lock)
            {
                if (!TryEnter())
                {
                    return false;
                }

                all._holder = this;
                all._free = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                all._quiet = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                foreach (Place other in all._places.Where(place => place != this))
                {
                    Quiet.Cancel(other._asideAsked);
                }

                all.CheckQuiet();
                quiet = all._quiet.Task;
            }

            await quiet.WaitAsync(limit, all._clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return true;
        }

        /// <summary>The task has ended, and been settled.</summary>
        public void Leave()
        {
            lock (all._lock)
            {
                _isRunning = false;
                if (all._holder == this)
                {
                    all._holder = null;
                    all._quiet = null;
                    foreach (Place other in all._places.Where(place => place != this))
                    {
                        other._asideAsked = new CancellationTokenSource();
                    }

                    all._free.TrySetResult();
                }

                all.CheckQuiet();
            }
        }

        internal bool IsRunning => _isRunning;
    }

    private void CheckQuiet()
    {
        if (!_places.Exists(place => place != _holder && place.IsRunning))
        {
            _quiet?.TrySetResult();
        }
    }
}
