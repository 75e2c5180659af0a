using Microsoft.Extensions.FileProviders;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;

namespace WorkQueue.Tests.Unit.Handlers;

/// <summary>What the tests of handlers share.</summary>
internal static class HandlerTesting
{
    public static TaskContext Context(CancellationToken cancellationToken = default) => new()
    {
        Id = "01990000-0000-7000-8000-000000000001",
        Type = "test",
        Queue = "default",
        Attempt = 1,
        Redelivered = false,
        CancellationToken = cancellationToken,
    };

    internal sealed class HostEnvironment(string name, string contentRoot = "/") : IHostEnvironment
    {
        public string EnvironmentName { get; set; } = name;

        public string ApplicationName { get; set; } = "tests";

        public string ContentRootPath { get; set; } = contentRoot;

        public IFileProvider ContentRootFileProvider { get; set; } = new NullFileProvider();
    }

    /// <summary>A clock that stands still, and whose timers are due when the test says so.</summary>
    internal sealed class StoppedClock(DateTimeOffset now) : TimeProvider
    {
        private readonly List<(TimeSpan Due, Action Fire)> _timers = [];

        public IReadOnlyList<TimeSpan> Waits
        {
            get
            {
                lock (_timers)
                    return [.. _timers.Select(timer => timer.Due)];
            }
        }

        public override DateTimeOffset GetUtcNow() => now;

        public override ITimer CreateTimer(TimerCallback callback, object? state, TimeSpan dueTime, TimeSpan period)
        {
            lock (_timers)
                _timers.Add((dueTime, () => callback(state)));
            return new Timer();
        }

        public void FireAll()
        {
            (TimeSpan Due, Action Fire)[] due;
            lock (_timers)
                due = [.. _timers];
            foreach ((_, Action fire) in due)
                fire();
        }

        private sealed class Timer : ITimer
        {
            public bool Change(TimeSpan dueTime, TimeSpan period) => true;

            public void Dispose()
            {
            }

            public ValueTask DisposeAsync() => ValueTask.CompletedTask;
        }
    }
}
