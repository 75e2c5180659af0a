using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

// begin-snippet: unique-payload
[TaskType("build-index")]
public sealed record BuildIndex(string Shop);
// end-snippet

/// <summary>What docs/unique.md shows, run.</summary>
[Collection(BrokerTests.Name)]
public sealed class UniqueTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task However_often_a_shop_changes_its_index_is_built_once_at_a_time()
    {
        await using TestQueue queue = new(broker);
        TaskCompletionSource<string> built = new();
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskWorker();
            builder.AddTaskHandler("build-index", (BuildIndex index, TaskContext _) =>
            {
                built.TrySetResult(index.Shop);
                return Task.CompletedTask;
            });
        });
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        // begin-snippet: unique
        EnqueuedTask one = await tasks.EnqueueAsync(new BuildIndex("books"), new TaskOptions
        {
            Delay = TimeSpan.FromSeconds(3),
            Unique = new UniqueOptions { Key = "books", Then = UniqueRule.Debounce }, // Three seconds after the last change.
        });
        // end-snippet
        EnqueuedTask two = await tasks.EnqueueAsync(
            new BuildIndex("books"), new TaskOptions { Delay = TimeSpan.FromSeconds(3), Unique = new UniqueOptions { Key = "books", Then = UniqueRule.Debounce } });
        Assert.Equal((one.Id, true), (two.Id, two.Existing));
        Assert.Equal("books", await built.Task.WaitAsync(TestEnvironment.Patience));
    }

    // begin-snippet: unique-test
    [Fact]
    public async Task The_index_is_built_when_the_changes_are_over()
    {
        int built = 0;
        await using TestTaskQueue queue = new(services => services.AddTaskHandler("build-index", (BuildIndex _, TaskContext _) =>
        {
            built++;
            return Task.CompletedTask;
        }));
        TaskOptions debounced = new() { Delay = TimeSpan.FromSeconds(5), Unique = new UniqueOptions { Key = "books", Then = UniqueRule.Debounce } };

        foreach (int second in Enumerable.Range(0, 3))
        {
            await queue.EnqueueAsync(new BuildIndex("books"), debounced);
            await queue.AdvanceAsync(TimeSpan.FromSeconds(4));
        }

        Assert.Equal(0, built);
        await queue.AdvanceAsync(TimeSpan.FromSeconds(1));
        Assert.Equal(1, built);
    }
    // end-snippet
}
