using System.Collections.Concurrent;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using WorkQueue.Messaging;
using WorkQueue.Testing;
using WorkQueue.Tests.Support;

namespace WorkQueue.Tests.Snippets;

// begin-snippet: chain-payloads
[TaskType("fetch-order")]
public sealed record FetchOrder(int Number);

[TaskType("render-invoice")]
public sealed record RenderInvoice(string Layout);

[TaskType("send-mail")]
public sealed record SendMail(string Subject);

public sealed record Customer(string Name, string Address); // What fetch-order returns.
// end-snippet

/// <summary>What docs/workflows.md shows, run.</summary>
[Collection(BrokerTests.Name)]
public sealed class WorkflowTests(BrokerFixture broker)
{
    private readonly ConcurrentQueue<string> _sent = [];

    [BrokerFact]
    public async Task An_invoice_is_rendered_and_sent_after_its_order_is_fetched()
    {
        await using TestQueue queue = new(broker);
        IHost host = await queue.StartAsync(builder =>
        {
            // begin-snippet: chain-handlers
            builder.AddTaskQueue();
            builder.AddTaskWorker();
            builder.AddTaskHandler("fetch-order", async (FetchOrder order, TaskContext c) => await FindCustomerAsync(order.Number, c.CancellationToken));
            builder.AddTaskHandler("render-invoice", async (RenderInvoice invoice, TaskContext c) =>
            {
                Customer customer = c.Previous.Last<Customer>()!; // What the task right before returned.
                return await RenderAsync(customer.Name, invoice.Layout, c.CancellationToken); // The path of the file, not the file.
            });
            builder.AddTaskHandler("send-mail", async (SendMail mail, TaskContext c) =>
            {
                Customer customer = c.Previous.Get<Customer>(0)!; // What the first task returned.
                await SendAsync(customer.Address, mail.Subject, attachment: c.Previous.Last<string>()!, c.CancellationToken);
            });
            // end-snippet
        });
        ITaskQueue tasks = host.Services.GetRequiredService<ITaskQueue>();
        // begin-snippet: chain
        EnqueuedTask first = await tasks.EnqueueAsync(new FetchOrder(7), new TaskOptions
        {
            Then =
            [
                tasks.CreateTask(new RenderInvoice("plain")),
                tasks.CreateTask(new SendMail("Your invoice"), new TaskOptions { Delay = TimeSpan.FromSeconds(1) }), // After the invoice is there.
            ],
        });
        // end-snippet
        await Eventually.TrueAsync(() => _sent.Contains("Your invoice to ada@example.com: Ada-plain.pdf"), $"the mail of {first.Id} is sent");
    }

    // begin-snippet: chain-test
    [Fact]
    public async Task Nothing_is_sent_while_the_printer_is_away_and_everything_after_a_redrive()
    {
        bool isAway = true;
        List<string> sent = [];
        await using TestTaskQueue queue = new(services => services
            .AddTaskHandler("render-invoice", (RenderInvoice invoice, TaskContext _) => isAway ? throw new TaskRejectedException("away") : Task.FromResult($"{invoice.Layout}.pdf"))
            .AddTaskHandler("send-mail", (SendMail mail, TaskContext c) =>
            {
                sent.Add($"{mail.Subject}: {c.Previous.Last<string>()}");
                return Task.CompletedTask;
            }));

        await queue.EnqueueAsync(new RenderInvoice("plain"), new TaskOptions { Then = [queue.CreateTask(new SendMail("Your invoice"))] });
        await queue.RunAsync();
        Assert.Empty(sent);

        isAway = false;
        await queue.RedriveAsync();
        await queue.RunAsync();
        Assert.Equal(["Your invoice: plain.pdf"], sent);
    }
    // end-snippet

    private static Task<Customer> FindCustomerAsync(int number, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested || number != 7 ? throw new InvalidOperationException("no such order") : Task.FromResult(new Customer("Ada", "ada@example.com"));

    private static Task<string> RenderAsync(string name, string layout, CancellationToken cancellationToken) =>
        cancellationToken.IsCancellationRequested ? throw new InvalidOperationException("too late") : Task.FromResult($"{name}-{layout}.pdf");

    private Task SendAsync(string address, string subject, string attachment, CancellationToken cancellationToken)
    {
        _sent.Enqueue(cancellationToken.IsCancellationRequested ? "too late" : $"{subject} to {address}: {attachment}");
        return Task.CompletedTask;
    }
}
