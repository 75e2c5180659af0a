using Microsoft.Extensions.Time.Testing;
using WorkQueue.Messaging.Flow;
using WorkQueue.Messaging.Topology;

namespace WorkQueue.Tests.Unit;

/// <summary>Workers and one leader on a link that delays and loses asks and answers; workers die, and slots take, use and return as they like.</summary>
/// <param name="seed">What all of it follows from.</param>
/// <param name="rate">The rate.</param>
/// <param name="leaderDies">In one of so many steps another one leads, who gets what was asked last; 0 for never.</param>
internal sealed class RateWorld(int seed, TaskRate rate, int leaderDies = 0)
{
    private const int Step = 5;

    private readonly Random _random = new(seed);
    private readonly FakeTimeProvider _clock = new();
    private readonly Queue<long> _starts = new();
    private readonly PriorityQueue<Action, long> _underWay = new();
    private readonly List<Worker> _workers = [];
    private RateBook _book = null!;

    private long Now => _clock.GetElapsedTime(0).Ticks;

    /// <summary>The most starts in a window.</summary>
    public int Most { get; private set; }

    /// <summary>Lives for so long.</summary>
    /// <returns>How many starts there were.</returns>
    public int Run(TimeSpan length)
    {
        // Nobody has used any for long.
        _book = new RateBook(rate, Now - rate.Window.Ticks);
        long end = Now + length.Ticks;
        int starts = 0;
        while (Now < end)
        {
            _clock.Advance(TimeSpan.FromMilliseconds(Step));
            while (_underWay.TryPeek(out Action? arrives, out long at) && at <= Now)
            {
                _underWay.Dequeue();
                arrives();
            }

            if (leaderDies > 0 && _random.Next(leaderDies) == 0)
            {
                _book = new RateBook(rate, Now);
            }

            if (_workers.Count < 3 || _random.Next(3000) == 0)
            {
                _workers.Add(new Worker(new RatePool(rate, _clock)));
            }

            if (_workers.Count > 4)
            {
                // What it held nobody hears of.
                _workers.RemoveAt(_random.Next(_workers.Count));
            }

            starts += _workers.Sum(worker => Live(worker));
        }

        return starts;
    }

    private int Live(Worker worker)
    {
        if (_random.Next(50) == 0 && worker.Turns.Next("r") is { } ask)
        {
            Send(() =>
            {
                if (_book.Answer(ask, Now) is { } answer)
                {
                    Send(() => worker.Turns.Hear(answer));
                }
            });
        }

        int starts = worker.Act(_random);
        for (int start = 0; start < starts; start++)
        {
            _starts.Enqueue(Now);
        }

        while (_starts.TryPeek(out long first) && first <= Now - rate.Window.Ticks)
        {
            _starts.Dequeue();
        }

        Most = Math.Max(Most, _starts.Count);
        return starts;
    }

    // Mostly at once, sometimes late, sometimes never.
    private void Send(Action arrives)
    {
        if (_random.Next(20) != 0)
        {
            _underWay.Enqueue(arrives, Now + (_random.Next(_random.Next(15) == 0 ? 3000 : 30) * TimeSpan.TicksPerMillisecond));
        }
    }

    private sealed class Worker(RatePool pool)
    {
        private readonly Queue<RatePermit> _slots = new();
        private RateTurns? _turns;

        public RateTurns Turns => _turns ??= new RateTurns("q", pool, Guid.NewGuid().ToString("N"));

        public int Act(Random random)
        {
            int starts = 0;
            if (random.Next(3) > 0)
            {
                pool.Waiters.Ask();
            }

            while (_slots.Count < 20 && random.Next(4) > 0 && pool.TryTake() is { } taken)
            {
                _slots.Enqueue(taken);
            }

            // As a slot that leaves when it may not go on.
            while (pool.Valid.IsPaused && _slots.TryDequeue(out RatePermit invalid))
            {
                pool.Return(invalid);
            }

            for (; _slots.TryPeek(out RatePermit next) && pool.Until(next) <= TimeSpan.Zero && random.Next(3) > 0; starts++)
            {
                pool.Use(_slots.Dequeue());
            }

            if (_slots.Count > 0 && random.Next(5) == 0)
            {
                pool.Return(_slots.Dequeue());
            }

            return starts;
        }
    }
}
