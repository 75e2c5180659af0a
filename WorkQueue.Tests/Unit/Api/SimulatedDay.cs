using WorkQueue.Board.Api;
using WorkQueue.Board.ReadModel.Rows;

namespace WorkQueue.Tests.Unit.Api;

/// <summary>
/// A day of tasks that come by chance, with two broad peaks and two sudden ones, and of workers that take a while to start and end what they run before they go.
/// An autoscaler asks every 15 seconds. In steps of a tenth of a second.
/// </summary>
internal sealed class SimulatedDay(int seed, ScalingSettings settings)
{
    public const int StartSeconds = 20;
    public const int Peaks = 4;

    private const int Slots = 4;
    private const int PollSeconds = 15;
    private const double Step = 0.1;
    private const double MeanSeconds = 2;
    private const double DaySeconds = 86_400;

    private static readonly DateTimeOffset Midnight = new(2026, 1, 2, 0, 0, 0, TimeSpan.Zero);

    private readonly Random _random = new(seed);
    private readonly ScalingPolicy _policy = new(settings);
    private readonly QueueWindow _window = new();
    private readonly Queue<double> _ready = new();
    private readonly List<Worker> _workers = [];
    private readonly List<double> _waits = [];
    private int _direction;
    private int _wanted;

    public long Tasks => _waits.Count;

    public double LongestWait => _waits.Max();

    public double Wait99 => _waits.Order().ElementAt((int)(_waits.Count * 0.99));

    /// <summary>How often it began to go up after down, or down after up.</summary>
    public int Changes { get; private set; }

    public double WorkerHours { get; private set; }

    /// <summary>As many as would be busy all the time, at least one.</summary>
    public double IdealHours { get; private set; }

    public int Most { get; private set; }

    public void Run()
    {
        for (int worker = 0; worker < 2; worker++)
        {
            _workers.Add(new Worker { ReadyAt = 0 });
        }

        long polls = 0;
        for (double now = 0; now < DaySeconds; now += Step)
        {
            Come(now);
            End(now);
            Begin(now);
            if (now >= polls * PollSeconds)
            {
                polls++;
                Scale(now);
            }

            WorkerHours += _workers.Count * Step / 3600;
            IdealHours += Math.Max(1, RateAt(now) * MeanSeconds / Slots) * Step / 3600;
        }
    }

    // Tasks a second.
    private static double RateAt(double now)
    {
        double hour = now / 3600;
        double broad = 3 + (20 * Math.Exp(-Math.Pow((hour - 10) / 1.5, 2))) + (14 * Math.Exp(-Math.Pow((hour - 16) / 2, 2)));
        return broad + (hour is > 3 and < 3.5 ? 12 : 0) + (hour is > 20 and < 21 ? 15 : 0);
    }

    private void Come(double now)
    {
        double expected = RateAt(now) * Step;
        double product = _random.NextDouble();
        for (double limit = Math.Exp(-expected); product > limit; product *= _random.NextDouble())
        {
            _ready.Enqueue(now);
            _window.Came(Milliseconds(now), Milliseconds(now));
        }
    }

    private void End(double now)
    {
        foreach (Worker worker in _workers)
        {
            foreach ((double started, double ends) in worker.Running.Where(run => run.Ends <= now))
            {
                _window.Ran(Milliseconds(now), (long)((ends - started) * 1000), Milliseconds(now));
            }

            worker.Running.RemoveAll(run => run.Ends <= now);
        }

        _workers.RemoveAll(worker => worker.IsDraining && worker.Running.Count == 0);
    }

    private void Begin(double now)
    {
        // Round and round, as the broker gives them out.
        foreach (Worker worker in _workers.Where(worker => !worker.IsDraining && worker.ReadyAt <= now).OrderBy(worker => worker.Running.Count))
        {
            while (worker.Running.Count < Slots && _ready.TryDequeue(out double came))
            {
                _waits.Add(now - came);
                worker.Running.Add((now, now + 0.5 - ((MeanSeconds - 0.5) * Math.Log(1 - _random.NextDouble()))));
            }
        }
    }

    private void Scale(double now)
    {
        QueueRates rates = _window.Read(Milliseconds(now));
        int known = _workers.Count(worker => worker.ReadyAt <= now);
        int before = _wanted == 0 ? known : _wanted;
        _wanted = _policy.Decide(new ScalingSample(Midnight.AddSeconds(now), _ready.Count, _workers.Sum(worker => worker.Running.Count), known, Slots, rates.ArrivalPerSecond, rates.SecondsPerTask ?? 1)).Wanted;
        int direction = Math.Sign(_wanted - before);
        Changes += direction != 0 && direction != _direction ? 1 : 0;
        _direction = direction == 0 ? _direction : direction;
        List<Worker> staying = [.. _workers.Where(worker => !worker.IsDraining)];
        for (int missing = _wanted - staying.Count; missing > 0; missing--)
        {
            _workers.Add(new Worker { ReadyAt = now + StartSeconds });
        }

        // Whichever of them: an autoscaler does not ask who is busy.
        foreach (Worker worker in staying.OrderBy(_ => _random.Next()).Take(staying.Count - _wanted))
        {
            worker.IsDraining = true;
        }

        Most = Math.Max(Most, _workers.Count);
    }

    private static long Milliseconds(double now) => Midnight.AddSeconds(now).ToUnixTimeMilliseconds();

    private sealed class Worker
    {
        public double ReadyAt { get; init; }

        public bool IsDraining { get; set; }

        public List<(double Started, double Ends)> Running { get; } = [];
    }
}
