using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;
using WorkQueue.Tests.Unit;

namespace WorkQueue.Tests.Broker;

/// <summary>Tasks whose type is named at their payload alone.</summary>
[Collection(BrokerTests.Name)]
public sealed class PayloadTypeTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task They_are_enqueued_and_run_and_called_with_generated_JSON_alone()
    {
        await using TestQueue queue = new(broker);
        TaskCompletionSource<(string, string)> ran = new(TaskCreationOptions.RunContinuationsAsynchronously);
        IHost host = await queue.StartAsync(builder =>
        {
            builder.Services.Configure<TaskJsonOptions>(json => json.SerializerOptions.TypeInfoResolver = GeneratedJson.Default);
            builder.AddTaskQueue();
            builder.AddTaskWorker();
            builder.AddTaskHandler<CountWords, int>((words, context) =>
            {
                ran.TrySetResult((words.Text, context.Id));
                return Task.FromResult(words.Text.Split(' ').Length);
            });
        });
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        EnqueuedTask task = await tasks.EnqueueAsync(new CountWords("one two"), new TaskOptions { Delay = TimeSpan.FromMilliseconds(100) });
        Assert.Equal(TaskState.Scheduled, task.State);
        Assert.Equal(("one two", task.Id), await ran.Task.WaitAsync(TestEnvironment.Patience));
        Assert.Equal(3, await tasks.CallAsync<int>(new CountWords("one two three"), TestEnvironment.Patience));
    }
}
