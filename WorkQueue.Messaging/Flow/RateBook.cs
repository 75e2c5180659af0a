using WorkQueue.Messaging.Topology;

namespace WorkQueue.Messaging.Flow;

/// <summary>
/// What the leader knows of the permits of one rate (docs/adr/0022). Each is either held by a worker or comes back at a moment, one window after it was
/// used: as no permit is used twice within a window, and there are as many as the rate says, none has more uses. Moments are ticks of the leader's clock.
/// </summary>
internal sealed class RateBook
{
    /// <summary>A worker that says nothing for so long is taken to have used all that it held, just now.</summary>
    public static readonly TimeSpan Silence = TimeSpan.FromSeconds(5);

    /// <summary>How long before it comes back a permit may be promised: longer than from one ask to the next.</summary>
    public static readonly TimeSpan Ahead = TimeSpan.FromMilliseconds(500);

    // Permits that come back at nearly the same time do so at the same: fewer entries, and slots that begin together. It costs a few thousandths of the rate.
    private const int Grains = 256;

    private readonly Dictionary<string, Holder> _holders = new(StringComparer.Ordinal);
    private readonly PermitTimes _back = new();
    private readonly TaskRate _rate;
    private readonly long _grain;

    // What a worker holds that is not among the permits of this book: another leader has given it. Those that come back first make up for it.
    private int _owed;

    /// <summary>Nothing is known of what was used before <paramref name="since"/>: that was as much as may be, evenly.</summary>
    public RateBook(TaskRate rate, long since)
    {
        (_rate, _grain) = (rate, Math.Max(TimeSpan.TicksPerMillisecond, rate.Window.Ticks / Grains));
        int begun = 0;
        for (int grain = 1; grain <= Grains; grain++)
        {
            int by = (int)((long)rate.Number * grain / Grains);
            _back.Add(since + (rate.Window.Ticks * grain / Grains), by - begun);
            begun = by;
        }
    }

    /// <summary>By what its moments are counted: another leader has another clock.</summary>
    public string Clock { get; } = Guid.NewGuid().ToString("N");

    /// <summary>A worker has another rate, which is lower, or the only one that workers have by now.</summary>
    public bool IsOver(string worker, TaskRate rate, long now)
    {
        Forget(now);
        return rate != _rate && (rate.ASecond < _rate.ASecond || _holders.All(other => other.Key == worker || other.Value.Rate != _rate));
    }

    /// <summary>Notes what a worker has done, and gives it what it wants, as far as that is there.</summary>
    /// <returns>Null for an ask that is older than one that has been answered.</returns>
    public RateAnswer? Answer(RateAsk ask, long now)
    {
        Forget(now);
        if (!_holders.TryGetValue(ask.Worker, out Holder? holder))
        {
            // What it used before it was heard of is known to nobody, or was counted when it fell silent.
            holder = _holders[ask.Worker] = new Holder { Used = ask.Used, Returned = ask.Returned };
        }

        if (ask.Turn < holder.Turn)
        {
            return null;
        }

        (holder.Turn, holder.At, holder.Rate) = (ask.Turn, now, ask.Rate);
        NoteUses(holder, ask, ask.Clock == Clock ? Math.Min(now, ask.At) : now);
        foreach ((long at, int count) in holder.Held.Take((int)(ask.Returned - holder.Returned)))
        {
            ComeBack(at, count);
        }

        holder.Returned = ask.Returned;
        Adopt(holder, ask.Held, now);
        holder.IsWanting = ask.Wanted > 0;
        // Who asks first is not to have all of them.
        int share = (_rate.Number + _holders.Values.Count(other => other.IsWanting) - 1) / Math.Max(1, _holders.Values.Count(other => other.IsWanting));
        foreach ((long at, int count) in _back.Take(Math.Min(ask.Wanted, share) - holder.Held.Count, now + Ahead.Ticks))
        {
            holder.Held.Add(at, count);
        }

        return new RateAnswer(ask.Name, ask.Turn, holder.Held.Since(now), _back.First - now, Clock, now);
    }

    private void NoteUses(Holder holder, RateAsk ask, long sent)
    {
        long news = ask.Used - holder.Used;
        holder.Used = ask.Used;
        foreach (long[] use in ask.Uses.Reverse())
        {
            int count = (int)Math.Min(news, use[1]);
            news -= count;
            Use(holder, count, sent - use[0]);
        }
    }

    // One that it was not known to hold is one of the others'.
    private void Use(Holder holder, int count, long at)
    {
        int known = holder.Held.Take(count).Sum(some => some.Count);
        int other = _back.Take(count - known).Sum(some => some.Count);
        ComeBack(GrainAfter(at), known + other);
    }

    private void Adopt(Holder holder, long[][] told, long now)
    {
        int unknown = told.Sum(some => (int)some[1]) - holder.Held.Count;
        foreach (long[] some in told.Reverse())
        {
            int count = Math.Clamp(unknown, 0, (int)some[1]);
            unknown -= count;
            holder.Held.Add(now + some[0], count);
            _owed += count - _back.Take(count).Sum(taken => taken.Count);
        }
    }

    private void Forget(long now)
    {
        foreach ((string worker, Holder holder) in _holders.Where(holder => now - holder.Value.At >= Silence.Ticks).ToArray())
        {
            _holders.Remove(worker);
            ComeBack(GrainAfter(holder.At + Silence.Ticks), holder.Held.Count);
        }
    }

    private void ComeBack(long at, int count)
    {
        int paid = Math.Min(_owed, count);
        _owed -= paid;
        _back.Add(at, count - paid);
    }

    // A window after a use, and never before.
    private long GrainAfter(long use) => (use + _rate.Window.Ticks + _grain - 1) / _grain * _grain;

    private sealed class Holder
    {
        public PermitTimes Held { get; } = new();

        public TaskRate Rate { get; set; }

        public int Turn { get; set; }

        public long At { get; set; }

        public long Used { get; set; }

        public long Returned { get; set; }

        public bool IsWanting { get; set; }
    }
}
