using Microsoft.EntityFrameworkCore;
using Orders.Tasks;
using Orders.Web;
using WorkQueue.Board;
using WorkQueue.EntityFrameworkCore;
using WorkQueue.Messaging;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.AddTaskQueue(); // The broker is that of ConnectionStrings:rabbitmq, which the AppHost gives.
builder.AddTaskBoard();
builder.Services.AddDbContext<OrdersContext>(orders => orders.UseNpgsql(builder.Configuration.GetConnectionString("orders")));
builder.Services.AddTaskOutbox<OrdersContext>(); // Sends what is committed.

WebApplication app = builder.Build();
await using (AsyncServiceScope scope = app.Services.CreateAsyncScope())
{
    await scope.ServiceProvider.GetRequiredService<OrdersContext>().Database.EnsureCreatedAsync(); // In place of migrations.
}

app.MapHealthChecks("/health");
app.MapPost("/orders", async (Order order, OrdersContext orders) =>
{
    orders.Orders.Add(order);
    string task = orders.Enqueue(new WriteInvoice(order.Number, order.Net));
    await orders.SaveChangesAsync(); // One transaction: the order and its task, or neither.
    return Results.Accepted($"/queue/tasks/{task}", new { id = task });
});
app.MapTaskApi("/queue");
app.MapTaskBoard("/jobs"); // Outside Development it asks for a key, unless it is given .RequireAuthorization().
app.Run();
