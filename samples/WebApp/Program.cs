using WorkQueue.Messaging;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.AddTaskQueue(); // Connects by ConnectionStrings:rabbitmq.

WebApplication app = builder.Build();
app.MapPost("/documents", async (Document document, ITaskQueue tasks) =>
{
    // Returns when the broker has it on disk; a worker renders it whenever one is free.
    EnqueuedTask task = await tasks.EnqueueAsync("render-pdf", document);
    return Results.Accepted(value: task);
});
app.Run();

internal sealed record Document(string Title, string Text, string File);
