using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

// begin-snippet: batch-payloads
[TaskType("shrink-picture")]
public sealed record ShrinkPicture(string Album, string File);

[TaskType("publish-album")]
public sealed record PublishAlbum(string Album);

[TaskType("report-album")]
public sealed record ReportAlbum(string Album);
// end-snippet

[TaskType("read-folder")]
public sealed record ReadFolder(string Album);

/// <summary>What docs/workflows.md shows of batches, run.</summary>
[Collection(BrokerTests.Name)]
public sealed class BatchTests(BrokerFixture broker)
{
    private readonly ConcurrentQueue<string> _done = [];

    [BrokerFact]
    public async Task An_album_is_published_when_all_of_its_pictures_are_shrunk()
    {
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder =>
        {
            // begin-snippet: batch-handlers
            builder.AddTaskQueue();
            builder.AddTaskWorker();
            builder.AddTaskHandler("shrink-picture", (ShrinkPicture picture, TaskContext c) => ShrinkAsync(picture.File, c.CancellationToken));
            builder.AddTaskHandler("publish-album", (PublishAlbum album, TaskContext c) => PublishAsync(album.Album, c.CancellationToken));
            builder.AddTaskHandler("report-album", (ReportAlbum album, TaskContext c) => ReportAsync(album.Album, c.CancellationToken));
            builder.AddTaskHandler("read-folder", async (ReadFolder folder, TaskContext c) =>
            {
                ITaskBatches batches = c.Services.GetRequiredService<ITaskBatches>();
                ITaskQueue tasks = c.Services.GetRequiredService<ITaskQueue>();
                NewTask[] found = [.. FilesOf(folder.Album).Select(file => tasks.CreateTask(new ShrinkPicture(folder.Album, file)))];
                await batches.AddAsync(c.Batch!.BatchId, found, key: c.Id); // It may run twice: by its key they are the same members.
            });
            // end-snippet
        });
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        ITaskBatches batches = host.Services.GetRequiredService<ITaskBatches>();
        string[] files = ["a.jpg", "b.jpg", "c.jpg"];
        // begin-snippet: batch
        TaskBatch batch = await batches.EnqueueAsync(
            [.. files.Select(file => tasks.CreateTask(new ShrinkPicture("summer", file)))],
            new BatchOptions
            {
                Name = "Album summer",
                OnSuccess = tasks.CreateTask(new PublishAlbum("summer")), // Once, when all have succeeded.
                OnComplete = tasks.CreateTask(new ReportAlbum("summer")), // Once, when all have ended, however.
            });
        // end-snippet
        await Eventually.TrueAsync(() => _done.Contains("publish summer"), $"the album of batch {batch.Id} is published");
        Assert.Equal(["report summer", "shrink a.jpg", "shrink b.jpg", "shrink c.jpg"], _done.Where(done => done != "publish summer").Order());
        // begin-snippet: batch-open
        TaskBatch open = await batches.OpenAsync(new BatchOptions { OnSuccess = tasks.CreateTask(new PublishAlbum("winter")) });
        await batches.AddAsync(open.Id, [tasks.CreateTask(new ReadFolder("winter"))]); // As often as you like.
        await batches.CloseAsync(open.Id); // From here on only its members can add others; without it, it never ends.
        // end-snippet
        await Eventually.TrueAsync(() => _done.Contains("publish winter"), "the other album is published");
        Assert.Equal(2, _done.Count(done => done.StartsWith("shrink winter", StringComparison.Ordinal)));
    }

    // begin-snippet: batch-test
    [Fact]
    public async Task The_album_is_published_only_when_its_last_picture_could_be_shrunk()
    {
        bool isBroken = true;
        List<string> published = [];
        await using TestTaskQueue queue = new(services => services
            .AddTaskHandler("shrink-picture", (ShrinkPicture picture, TaskContext _) => picture.File == "b.jpg" && isBroken ? throw new TaskRejectedException("broken") : Task.CompletedTask)
            .AddTaskHandler("publish-album", (PublishAlbum album, TaskContext _) =>
            {
                published.Add(album.Album);
                return Task.CompletedTask;
            }));
        ITaskBatches batches = queue.Services.GetRequiredService<ITaskBatches>();

        TaskBatch batch = await batches.EnqueueAsync(
            [queue.CreateTask(new ShrinkPicture("summer", "a.jpg")), queue.CreateTask(new ShrinkPicture("summer", "b.jpg"))],
            new BatchOptions { OnSuccess = queue.CreateTask(new PublishAlbum("summer")) });
        await queue.RunAsync();
        Assert.Empty(published);
        Assert.Equal(BatchState.Complete, (await batches.FindAsync(batch.Id))!.State);

        isBroken = false;
        await queue.RedriveAsync();
        await queue.RunAsync();
        Assert.Equal(["summer"], published);
    }
    // end-snippet

    private static string[] FilesOf(string album) => [$"{album}-1.jpg", $"{album}-2.jpg"];

    private Task ShrinkAsync(string file, CancellationToken cancellationToken) => DoneAsync($"shrink {file}", cancellationToken);

    private Task PublishAsync(string album, CancellationToken cancellationToken) => DoneAsync($"publish {album}", cancellationToken);

    private Task ReportAsync(string album, CancellationToken cancellationToken) => DoneAsync($"report {album}", cancellationToken);

    private Task DoneAsync(string what, CancellationToken cancellationToken)
    {
        _done.Enqueue(cancellationToken.IsCancellationRequested ? "too late" : what);
        return Task.CompletedTask;
    }
}
