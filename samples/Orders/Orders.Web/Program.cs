using Orders.Tasks;
using WorkQueue.Board;
using WorkQueue.Messaging;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.AddTaskQueue(); // The broker is that of ConnectionStrings:rabbitmq, which the AppHost gives.
builder.AddTaskBoard();

WebApplication app = builder.Build();
app.MapHealthChecks("/health");
app.MapPost("/orders", async (Order order, ITaskQueue tasks) =>
{
    EnqueuedTask task = await tasks.EnqueueAsync(new WriteInvoice(order.Number, order.Net)); // Returns when the broker has it on disk.
    return Results.Accepted($"/queue/tasks/{task.Id}", task);
});
app.MapTaskApi("/queue");
app.MapTaskBoard("/jobs"); // Outside Development it asks for a key, unless it is given .RequireAuthorization().
app.Run();

internal sealed record Order(string Number, decimal Net);
