using System.Collections.Concurrent;
using System.Diagnostics;

namespace WorkQueue.Tests.Support;

/// <summary>The spans of the library that have ended.</summary>
internal sealed class ActivityRecorder : IDisposable
{
    private readonly ConcurrentQueue<Activity> _ended = new();
    private readonly ActivityListener _listener;

    public ActivityRecorder()
    {
        _listener = new ActivityListener
        {
            ShouldListenTo = source => source.Name == "WorkQueue",
            Sample = (ref ActivityCreationOptions<ActivityContext> _) => ActivitySamplingResult.AllDataAndRecorded,
            ActivityStopped = _ended.Enqueue,
        };
        ActivitySource.AddActivityListener(_listener);
    }

    // Other tests run at the same time.
    public Activity[] Of(string taskId) => [.. _ended.Where(span => (string?)span.GetTagItem("messaging.message.id") == taskId)];

    public void Dispose() => _listener.Dispose();
}
