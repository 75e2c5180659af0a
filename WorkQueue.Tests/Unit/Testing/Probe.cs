using WorkQueue.Messaging;
using WorkQueue.Testing;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>Makes a queue with one handler of type <c>probe</c>, which does what the test says.</summary>
internal static class Probe
{
    public static TestTaskQueue Queue(Func<string, TaskContext, Task<object?>> handle, Action<WorkQueueOptions>? settings = null) =>
        new(services => services.AddTaskHandler("probe", handle), settings);

    public static async Task<TestTask> ProbeAsync(this TestTaskQueue queue, string text = "", DateTimeOffset? notBefore = null, DateTimeOffset? deadline = null)
    {
        EnqueuedTask task = await queue.EnqueueAsync(NewTask.Json("probe", text) with { NotBefore = notBefore, Deadline = deadline });
        return queue[task.Id];
    }

    public static Task<object?> Done(object? result = null) => Task.FromResult(result);
}
