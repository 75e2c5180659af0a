using WorkQueue.Messaging.Control;

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
    private readonly List<SlotPlace> _places = [];
    private SlotPlace? _holder;
    private TaskCompletionSource? _quiet;

    /// <summary>Whether a task is to run alone: at the second death, or one before the limit.</summary>
    public static bool IsFor(long crashes, int limit) => crashes >= Math.Clamp(limit - 1, 1, Suspicious);

    /// <summary>The place of a slot, for as long as that lives.</summary>
    public SlotPlace Join()
    {
        SlotPlace place = new(this);
        lock (_lock)
        {
            _places.Add(place);
        }

        return place;
    }

    /// <summary>A slot among the others.</summary>
    internal sealed class SlotPlace(Solitude all) : IDisposable
    {
        /// <summary>Paused while another slot's task runs alone, or is about to.</summary>
        public PauseSwitch Switch { get; } = new();

        /// <summary>It has a delivery, to run or to settle.</summary>
        public bool IsHolding { get; private set; }

        /// <summary>
        /// A delivery has come; disposed of when it is settled. What runs alone waits for that too: a worker that dies while others go back leaves a copy of each.
        /// </summary>
        public SlotPlace Hold()
        {
            lock (all._lock)
            {
                IsHolding = true;
                return this;
            }
        }

        /// <summary>It is settled.</summary>
        public void Dispose()
        {
            lock (all._lock)
            {
                IsHolding = false;
                all.CheckQuiet();
            }
        }

        /// <summary>A task is about to run.</summary>
        /// <returns>False when another's runs alone, or is about to.</returns>
        public bool TryEnter()
        {
            lock (all._lock)
            {
                return all._holder is null || all._holder == this;
            }
        }

        /// <summary>A task is to run alone; returns when no other slot has a delivery, or after the limit all the same.</summary>
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
                all._quiet = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
                PauseOthers(paused: true);
                all.CheckQuiet();
                quiet = all._quiet.Task;
            }

            await quiet.WaitAsync(limit, all._clock, cancellationToken).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            return true;
        }

        /// <summary>The task has ended; it may have yet to be settled.</summary>
        public void Leave()
        {
            lock (all._lock)
            {
                if (all._holder == this)
                {
                    all._holder = null;
                    all._quiet = null;
                    PauseOthers(paused: false);
                }
            }
        }

        private void PauseOthers(bool paused)
        {
            foreach (SlotPlace other in all._places.Where(place => place != this))
            {
                other.Switch.Set(paused);
            }
        }
    }

    private void CheckQuiet()
    {
        if (_quiet is not null && !_places.Exists(place => place != _holder && place.IsHolding))
        {
            _quiet.TrySetResult();
        }
    }
}
