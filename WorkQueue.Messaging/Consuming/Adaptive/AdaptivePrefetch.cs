namespace WorkQueue.Messaging.Consuming.Adaptive;

/// <summary>
/// How many tasks a slot may be given at once. One, unless tasks are short and the slot waits between them although its queue has more; then
/// up to <see cref="Most"/>, as long as all of them together take less than the hold budget. It has no clock and asks nobody; a slot and its timer may tell it things at once.
/// </summary>
/// <param name="budget">How long a task may be held behind others of its slot.</param>
internal sealed class AdaptivePrefetch(TimeSpan budget)
{
    /// <summary>The most it grows to. With more, the slot hardly waits less; what a crash gives back, and the memory of it, would be more.</summary>
    public const int Most = 32;

    /// <summary>How many tasks are looked at before it changes.</summary>
    public const int Window = 64;

    /// <summary>How long it stays as it is after it has grown.</summary>
    public static readonly TimeSpan Step = TimeSpan.FromMilliseconds(200);

    /// <summary>How long it does not grow after it fell for the first time; twice as long each further time, if that is not long after.</summary>
    public static readonly TimeSpan ShortCaution = TimeSpan.FromSeconds(1);

    /// <summary>The longest it does not grow after it fell.</summary>
    public static readonly TimeSpan LongCaution = TimeSpan.FromSeconds(60);

    // Below this share of its time a slot that waits less would be hardly faster.
    private const double WorthwhileWait = 0.05;

    private readonly Lock _lock = new();
    private readonly TimeSpan[] _runs = new TimeSpan[Window];
    private int _count;
    private TimeSpan _waited;
    private TimeSpan _caution = ShortCaution;
    private TimeSpan? _fellAt;
    private TimeSpan _growsFrom;
    // What it was before its queue was empty, or its broker slow: both look alike from here.
    private int _known = 1;

    /// <summary>How long a task may be held behind others of its slot.</summary>
    public TimeSpan Budget => budget;

    /// <summary>How many tasks the slot may be given now.</summary>
    public int Prefetch { get; private set; } = 1;

    /// <summary>A task has been run.</summary>
    /// <param name="wait">How long the slot had none before it came.</param>
    /// <param name="run">How long it took, with its acknowledgement.</param>
    /// <param name="at">When it ended, counted from any moment.</param>
    /// <returns><see cref="Prefetch"/>.</returns>
    public int Observe(TimeSpan wait, TimeSpan run, TimeSpan at)
    {
        lock (_lock)
        {
            if (run > budget)
            {
                return Fall(at);
            }

            if (wait > budget)
            {
                return Idle();
            }

            _runs[_count++] = run;
            _waited += wait;
            if (_count == Window)
            {
                Decide(at);
            }

            return Prefetch;
        }
    }

    /// <summary>The queue was empty: what comes next is for whoever is free.</summary>
    public int Idle()
    {
        lock (_lock)
        {
            Forget();
            return Prefetch = 1;
        }
    }

    /// <summary>A task runs long, or came back from a worker that may have died of it: one at a time, and for a while no more.</summary>
    public int Fall(TimeSpan at)
    {
        lock (_lock)
        {
            bool isSoonAgain = at - _fellAt < 2 * LongCaution;
            // What keeps it down while it is down already is no further fall.
            if (Prefetch > 1)
            {
                _caution = !isSoonAgain ? ShortCaution : _caution * 2 < LongCaution ? _caution * 2 : LongCaution;
                _fellAt = at;
            }

            (_growsFrom, _known) = (at + _caution, 1);
            return Idle();
        }
    }

    private void Forget() => (_count, _waited) = (0, TimeSpan.Zero);

    private void Decide(TimeSpan at)
    {
        TimeSpan run = _runs.Aggregate(TimeSpan.Zero, (sum, one) => sum + one);
        bool isWorthwhile = _waited > WorthwhileWait * (_waited + run);
        Array.Sort(_runs);
        TimeSpan p95 = _runs[(Window * 95 / 100) - 1];
        Forget();
        while (Prefetch > 1 && Prefetch * p95 > budget)
        {
            _known = Prefetch /= 2;
        }

        if (!isWorthwhile || Prefetch == Most || at < _growsFrom)
        {
            return;
        }

        int next = Math.Max(2 * Prefetch, _known);
        // Half the budget: what just fits would be too much a moment later.
        while (next > Prefetch && next * p95 > budget / 2)
        {
            next /= 2;
        }

        if (next > Prefetch)
        {
            Prefetch = next;
            _known = Math.Max(next, _known);
            _growsFrom = at + Step;
        }
    }
}
