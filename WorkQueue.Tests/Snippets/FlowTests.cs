using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

/// <summary>What docs/flow.md shows, run.</summary>
[Collection(BrokerTests.Name)]
public sealed class FlowTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task A_task_of_a_tenant_and_an_urgent_one_run()
    {
        await using TestQueue queue = new(broker, ("Queues:default:Lanes", "16"), ("Queues:urgent:Priorities", "true"), ("Worker:Queues", "urgent,default"));
        List<string> done = [];
        IHost host = await queue.StartAsync(builder =>
        {
            builder.AddTaskWorker();
            builder.AddTaskHandler("build-index", (BuildIndex index, TaskContext _) =>
            {
                lock (done)
                {
                    done.Add(index.Shop);
                }

                return Task.CompletedTask;
            });
        });
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        // begin-snippet: flow
        await tasks.EnqueueAsync(new BuildIndex("books"), new TaskOptions { Key = "tenant 7" });
        await tasks.EnqueueAsync(new BuildIndex("shoes"), new TaskOptions { Queue = "urgent", Priority = TaskPriority.High });
        // end-snippet
        await Eventually.TrueAsync(() => done.Count == 2, "both have run");
    }
}
