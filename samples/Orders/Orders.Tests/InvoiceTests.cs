using Orders.Tasks;
using WorkQueue.Messaging;
using WorkQueue.Testing;

namespace Orders.Tests;

/// <summary>The handler, without a broker.</summary>
public sealed class InvoiceTests
{
    [Fact]
    public async Task The_tax_is_added()
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler<WriteInvoice, Invoice, WriteInvoiceHandler>());
        EnqueuedTask task = await queue.EnqueueAsync(new WriteInvoice("17", 100));
        await queue.AdvanceAsync(TimeSpan.FromSeconds(2));
        Assert.Equal(new Invoice("R-17", 119), queue[task.Id].ReadResult<Invoice>());
    }

    [Fact]
    public async Task An_order_with_nothing_to_pay_is_a_dead_letter()
    {
        await using TestTaskQueue queue = new(services => services.AddTaskHandler<WriteInvoice, Invoice, WriteInvoiceHandler>());
        await queue.EnqueueAsync(new WriteInvoice("17", 0));
        await queue.RunAsync();
        Assert.Equal("Order 17 has nothing to pay.", Assert.Single(queue.DeadLetters).Reason);
    }
}
