using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Board;
using WorkQueue.Messaging;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

/// <summary>What README.md shows, run.</summary>
[Collection(BrokerTests.Name)]
public sealed class SnippetTests(BrokerFixture broker)
{
    [BrokerFact]
    public async Task The_handler_of_the_README_runs_what_its_producer_enqueues()
    {
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder =>
        {
            // begin-snippet: worker
            builder.AddTaskWorker();
            builder.AddTaskHandler<CountWords, CountWordsHandler>();
            // end-snippet
            // begin-snippet: schedule
            builder.Services.AddTaskSchedule("count", "0 7 * * MON-FRI", new CountWords("…"), schedule => schedule.TimeZone = "Europe/Berlin");
            // end-snippet
            builder.AddTaskQueue();
        });
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        // begin-snippet: enqueue
        EnqueuedTask task = await tasks.EnqueueAsync(new CountWords("one two three"));
        // end-snippet
        ITaskBatches batches = host.Services.GetRequiredService<ITaskBatches>();
        string[] chapters = ["one", "two"];
        // begin-snippet: one-of-a-key
        TaskOptions unique = new() { Unique = new UniqueOptions { Key = "chapter 1" } };
        EnqueuedTask first = await tasks.EnqueueAsync(new CountWords("…"), unique);
        EnqueuedTask again = await tasks.EnqueueAsync(new CountWords("…"), unique); // The same task, until it has ended.
        // end-snippet
        Assert.Equal((first.Id, true), (again.Id, again.Existing));
        // begin-snippet: one-after-the-other
        NewTask second = tasks.CreateTask(new CountWords("second")), third = tasks.CreateTask(new CountWords("third"));
        await tasks.EnqueueAsync(new CountWords("first"), new TaskOptions { Then = [second, third] }); // Each sees the results before it.
        // end-snippet
        // begin-snippet: many-and-what-follows
        NewTask[] members = [.. chapters.Select(chapter => tasks.CreateTask(new CountWords(chapter)))];
        NewTask whenAllHaveSucceeded = tasks.CreateTask(new CountWords("the end"));
        TaskBatch batch = await batches.EnqueueAsync(members, new BatchOptions { OnSuccess = whenAllHaveSucceeded });
        // end-snippet
        Assert.Equal(2, batch.Total);
        await Eventually.TrueAsync(
            () => queue.Logged.Any(line => line.Contains($"Task {task.Id} (count-words) done", StringComparison.Ordinal)), "the task is done");
        Assert.Contains(queue.Logged, line => line == $"Information: Counted the words of task {task.Id}, attempt 1");
    }

    [Fact]
    public async Task The_web_application_of_the_README_builds()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        // begin-snippet: web
        builder.AddTaskQueue(); // Connects by ConnectionStrings:rabbitmq.

        WebApplication app = builder.Build();
        app.MapPost("/documents", async (CountWords document, ITaskQueue tasks) =>
        {
            EnqueuedTask task = await tasks.EnqueueAsync(document); // Returns when the broker has it on disk.
            return Results.Accepted($"/documents/{task.Id}");
        });
        // end-snippet
        Assert.NotNull(app.Services.GetRequiredService<ITaskQueue>());
        await app.DisposeAsync();
    }

    [Fact]
    public async Task The_application_with_a_board_of_the_documentation_builds()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.AddTaskQueue();
        // A second call changes settings alone.
        builder.AddTaskBoard(board => board.Store = ":memory:");
        // begin-snippet: board
        builder.AddTaskBoard();
        builder.Services.AddAuthorizationBuilder().AddPolicy("operators", policy => policy.RequireRole("operator"));

        WebApplication app = builder.Build();
        app.MapTaskApi("/queue").RequireAuthorization("operators");
        app.MapTaskBoard("/jobs").RequireAuthorization("operators");
        // end-snippet
        Assert.Contains(app.Services.GetServices<IHostedService>(), service => service.GetType().Assembly == typeof(TaskBoardOptions).Assembly);
        await app.DisposeAsync();
    }
}
