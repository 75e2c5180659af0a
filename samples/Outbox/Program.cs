using Microsoft.EntityFrameworkCore;
using Outbox;
using WorkQueue.EntityFrameworkCore;

WebApplicationBuilder builder = WebApplication.CreateBuilder(args);
builder.Services.AddDbContext<Shop>(shop => shop.UseNpgsql(builder.Configuration.GetConnectionString("orders")));
builder.Services.AddTaskOutbox<Shop>(); // Sends what is committed, to the broker of ConnectionStrings:rabbitmq.

WebApplication app = builder.Build();
await using (AsyncServiceScope scope = app.Services.CreateAsyncScope())
{
    // In place of migrations.
    await scope.ServiceProvider.GetRequiredService<Shop>().Database.EnsureCreatedAsync();
}

app.MapHealthChecks("/health");
app.MapPost("/orders", async (NewOrder order, Shop shop) =>
{
    await using var transaction = await shop.Database.BeginTransactionAsync();
    string task = shop.Enqueue("write-invoice", order);
    shop.Orders.Add(new Order { Number = order.Number, InvoiceTask = task });
    await shop.SaveChangesAsync();
    if (order.Net <= 0)
        return Results.BadRequest("There is nothing to pay."); // The transaction ends unfinished: no order, and no task.

    await transaction.CommitAsync();
    return Results.Accepted(value: new { order.Number, task });
});
app.Run();

internal sealed record NewOrder(string Number, decimal Net);
