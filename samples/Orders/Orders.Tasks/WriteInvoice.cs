using WorkQueue.Messaging;

namespace Orders.Tasks;

/// <summary>What the web application hands over.</summary>
[TaskType("write-invoice")]
public sealed record WriteInvoice(string Order, decimal Net);

/// <summary>What comes of it.</summary>
public sealed record Invoice(string Number, decimal Total);

public sealed class WriteInvoiceHandler(TimeProvider clock) : ITaskHandler<WriteInvoice, Invoice>
{
    private const decimal Tax = 0.19m;

    public async Task<Invoice> HandleAsync(WriteInvoice payload, TaskContext context)
    {
        if (payload.Net <= 0)
            throw new TaskRejectedException($"Order {payload.Order} has nothing to pay."); // A dead letter, without a retry.

        await Task.Delay(TimeSpan.FromSeconds(2), clock, context.CancellationToken); // Slow work goes here.
        return new Invoice($"R-{payload.Order}", decimal.Round(payload.Net * (1 + Tax), 2));
    }
}
