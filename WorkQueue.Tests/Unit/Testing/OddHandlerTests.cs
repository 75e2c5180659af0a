using WorkQueue.Messaging;
using WorkQueue.Testing;
using WorkQueue.Tests.Support.Odd;

namespace WorkQueue.Tests.Unit.Testing;

/// <summary>Whatever a handler does is what becomes of its task; in memory as on a broker (<see cref="Broker.OddHandlerTests"/>).</summary>
public sealed class OddHandlerTests
{
    // The time of the others is that of a clock, which is not this test's.
    public static TheoryData<string> Handlers => [.. OddHandler.All.Where(odd => odd.Type == OddHandler.Plain).Select(odd => odd.Name)];

    [Theory]
    [MemberData(nameof(Handlers))]
    public async Task What_it_does_decides(string name)
    {
        OddHandler odd = OddHandler.Of(name);
        int runs = 0;
        await using TestTaskQueue queue = new(
            services => OddHandler.Add(services, _ => runs++),
            options => options.Retry.Delays = [TimeSpan.FromSeconds(1)]);
        EnqueuedTask task = await queue.EnqueueAsync(NewTask.Json(odd.Type, name));
        await queue.AdvanceAsync(TimeSpan.FromMinutes(1));
        TestTask ended = queue[task.Id];
        Assert.Equal((odd.State, odd.Runs), (ended.State, runs));
        if (odd.State == TaskState.DeadLettered)
        {
            Assert.Contains(odd.Text, $"{ended.Reason} {ended.Error}", StringComparison.Ordinal);
        }
    }
}
